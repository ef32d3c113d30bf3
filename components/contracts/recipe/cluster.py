"""The settings of a run on a Kubernetes cluster; local runs ignore them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.contracts.recipe.base import Settings

# As Kubernetes writes amounts: CPUs "500m", "4", "1.5"; memory "16G", "2Gi".
Cpus = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]
Memory = Annotated[str, Field(pattern=r"^[0-9]+[MGT]i?$")]

_UNITS = {"M": 10**6, "G": 10**9, "T": 10**12, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
RETRY_AFTER_S, RETRY_FACTOR = 60, 2  # the wait before the first retry, and how it grows


def bytes_of(amount: str) -> int:
    """Return the bytes of an amount of memory, as Kubernetes writes it."""
    digits = amount.rstrip("MGTi")
    return int(digits) * _UNITS[amount.removeprefix(digits)]


class ClusterSettings(Settings):
    """The cluster, and what it gives the steps of the compiled pipeline.

    Attributes:
      host: the Kubeflow Pipelines endpoint; None: the one that kfp finds by itself.
      namespace: the Kubernetes namespace of the runs.
      experiment: the experiment of Kubeflow Pipelines.
      image: the image of every step.
      trainer_image: the image of train, evaluate and query; None: `image`.
      gpus: GPUs of the train step. If there are any, evaluate and query get one each.
      gpu_resource: the cluster's name for a GPU.
      cpu, memory: requests of train, evaluate and query; `memory` is also their limit.
      volume: a PersistentVolumeClaim mounted at `mount`, for a campaign root on a volume.
      mount: the path of the volume in the pods.
      min_free: free space on the volume below which no cycle is opened.
      secret: a Secret whose keys MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD become
        environment variables.
      service_account: the pods' account, if their access to the bucket depends on it.
      shared_memory: the size of /dev/shm in the train step.
      train_timeout_minutes: the time after which an attempt of the train step is killed.
      timeout_minutes: the time after which an attempt of any other step is killed.
      retries: how often a failed step is tried again. Training resumes from its last checkpoint; what
        a person has to put right is not tried again.
    """

    host: str | None = None
    namespace: str = "kubeflow"
    experiment: str = "streetloop"
    image: str | None = None
    trainer_image: str | None = None
    gpus: Annotated[int, Field(ge=0)] = 0
    gpu_resource: str = "nvidia.com/gpu"
    cpu: Cpus = "4"
    memory: Memory = "16G"
    volume: str | None = None
    mount: Annotated[str, Field(pattern=r"^/[^/].*$")] = "/campaigns"
    min_free: Memory = "1G"
    secret: str | None = None
    service_account: str | None = None
    shared_memory: Memory = "2Gi"
    train_timeout_minutes: Annotated[int, Field(ge=1)] = 12 * 60
    timeout_minutes: Annotated[int, Field(ge=1)] = 12 * 60
    retries: Annotated[int, Field(ge=0, le=10)] = 2

    def timeout_seconds(self, step: str) -> int:
        """Return after how many seconds an attempt of a step is killed."""
        return 60 * (self.train_timeout_minutes if step == "train" else self.timeout_minutes)

    def retry_seconds(self, step: str) -> int:
        """Return how many seconds all attempts of a step may take, with the waits between them."""
        waits: int = sum(RETRY_AFTER_S * RETRY_FACTOR**n for n in range(self.retries))
        return (self.retries + 1) * self.timeout_seconds(step) + waits

    @property
    def longest_step_seconds(self) -> int:
        """How many seconds all attempts of the longest step may take."""
        return max(self.retry_seconds("train"), self.retry_seconds("another"))

"""The settings of a run on a Kubernetes cluster; local runs ignore them."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, JsonValue

from components.contracts.recipe.base import Settings
from components.contracts.recipe.pod import Cpus, Memory, PodSettings, StepSettings

Step = Literal["open", "preprocess", "feedback", "split", "train", "evaluate", "query", "close"]
STEPS: tuple[Step, ...] = get_args(Step)
# The keys of `cluster.secret`, and the variables that they become.
ACCOUNT_KEYS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
# Kubeflow Pipelines names the pod's volume after the claim, and a volume's name has no dots.
Claim = Annotated[str, Field(pattern=r"^([a-z0-9]|[a-z0-9][a-z0-9-]{0,61}[a-z0-9])$")]
RETRY_AFTER_S, RETRY_FACTOR = 60, 2  # the wait before the first retry, and how it grows


class ClusterSettings(Settings):
    """The cluster, and what it gives the steps of the compiled pipeline.

    Attributes:
      host: the Kubeflow Pipelines endpoint; None: the one that kfp finds by itself.
      host_in_pods: the endpoint as pods reach it. A run that finds the cycle held by another asks
        there whether that run still works; None, or no answer: that run's lease decides.
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
      keep_seconds: how long the cluster keeps the pods of a run that has ended; None: as it does by
        default.
      fuse_light_steps: run open, preprocess, feedback and split in one pod, which gets the settings of
        `preprocess`: a cycle that trains needs five pods in place of eight.
      shards: how many pods share the images that the query looks at, each with the settings of `query`.
      steps: what single steps get, by their names: `cpu`, `memory`, `gpus`, `timeout_minutes`,
        `node_selector` and `tolerations`.
      patch: fields of Kubeflow Pipelines' Kubernetes platform specification that the other settings
        lack, by step, or for `all`.
    """

    host: str | None = None
    host_in_pods: str | None = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
    namespace: str = "kubeflow"
    experiment: str = "streetloop"
    image: str | None = None
    trainer_image: str | None = None
    gpus: Annotated[int, Field(ge=0)] = 0
    gpu_resource: str = "nvidia.com/gpu"
    cpu: Cpus = "4"
    memory: Memory = "16G"
    volume: Claim | None = None
    mount: Annotated[str, Field(pattern=r"^/[^/].*$")] = "/campaigns"
    min_free: Memory = "1G"
    secret: str | None = None
    service_account: str | None = None
    shared_memory: Memory = "2Gi"
    train_timeout_minutes: Annotated[int, Field(ge=1)] = 12 * 60
    timeout_minutes: Annotated[int, Field(ge=1)] = 12 * 60
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    keep_seconds: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    fuse_light_steps: bool = False
    # Kubeflow Pipelines stalls on loops with many iterations.
    shards: Annotated[int, Field(ge=1, le=32)] = 1
    pod: PodSettings = PodSettings()
    steps: dict[Step, StepSettings] = Field(default={})
    patch: dict[Literal["all", Step], dict[str, JsonValue]] = Field(default={})

    def step(self, step: Step) -> StepSettings:
        """Return what is set for one step."""
        return self.steps.get(step, StepSettings())

    def timeout_seconds(self, step: Step) -> int:
        """Return after how many seconds an attempt of a step is killed."""
        usual = self.train_timeout_minutes if step == "train" else self.timeout_minutes
        return 60 * (self.step(step).timeout_minutes or usual)

    def retry_seconds(self, step: Step) -> int:
        """Return how many seconds all attempts of a step may take, with the waits between them."""
        waits: int = sum(RETRY_AFTER_S * RETRY_FACTOR**n for n in range(self.retries))
        return (self.retries + 1) * self.timeout_seconds(step) + waits

    @property
    def longest_step_seconds(self) -> int:
        """How many seconds all attempts of the longest step may take."""
        return max(self.retry_seconds(step) for step in STEPS)

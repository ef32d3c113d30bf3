"""The settings of a run on a Kubernetes cluster; local runs ignore them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.contracts.recipe.base import Settings

# As Kubernetes writes amounts: CPUs "500m", "4", "1.5"; memory "16G", "2Gi".
Cpus = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?m?$")]
Memory = Annotated[str, Field(pattern=r"^[0-9]+[MGT]i?$")]


class ClusterSettings(Settings):
    """What `cluster.py` applies to the compiled pipeline.

    Attributes:
      host: the Kubeflow Pipelines endpoint; None: what kfp finds by itself.
      namespace: the Kubernetes namespace of the runs.
      experiment: of Kubeflow Pipelines.
      image: of every step.
      trainer_image: of train, evaluate and query; None: the same.
      gpus: GPUs of the train step. If any, evaluate and query get one each.
      gpu_resource: what the cluster calls a GPU.
      cpu, memory: requests of train, evaluate and query; memory is their limit, too.
      volume: a PersistentVolumeClaim mounted at `mount`, for a campaign root on a volume.
      mount: where.
      secret: a Secret whose keys MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD become
        environment variables.
      service_account: of the pods, where that is what lets them into the bucket.
      shared_memory: size of /dev/shm of the train step.
      train_timeout_minutes: the train step is ended after that.
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
    secret: str | None = None
    service_account: str | None = None
    shared_memory: Memory = "2Gi"
    train_timeout_minutes: Annotated[int, Field(ge=1)] = 12 * 60

"""The settings of a run on a Kubernetes cluster; local runs ignore them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.contracts.settings import Settings


class ClusterSettings(Settings):
    """What `cluster.py` applies to the compiled pipeline.

    Attributes:
      host: the Kubeflow Pipelines endpoint; None: what kfp finds by itself.
      namespace: the Kubernetes namespace of the runs.
      experiment: of Kubeflow Pipelines.
      image: of every step.
      trainer_image: of train, evaluate and query; None: the same.
      gpus: GPUs of the train step.
      gpu_resource: what the cluster calls a GPU.
      cpu, memory: requests of the train step.
      volume: a PersistentVolumeClaim mounted at `mount`, for a campaign root on a volume.
      mount: where.
      secret: a Secret whose keys MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD become
        environment variables.
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
    cpu: str = "4"
    memory: str = "16G"
    volume: str | None = None
    mount: str = "/campaigns"
    secret: str | None = None
    shared_memory: str = "2Gi"
    train_timeout_minutes: Annotated[int, Field(ge=1)] = 12 * 60

"""Give the tasks of a cycle what a cluster needs: images, GPUs, memory, volumes, secrets."""

from __future__ import annotations

from typing import Any

from kfp import kubernetes

from components.contracts.process.image import IMAGE
from components.contracts.recipe.cluster import (
    ACCOUNT_KEYS,
    RETRY_AFTER_S,
    RETRY_FACTOR,
    ClusterSettings,
    Step,
)
from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.pod import apply_pod
from pipelines.cluster.steps import STEP_OF
from pipelines.cycle import Customize

_HEAVY = ("train", "evaluate", "query")  # they run the network
_LIGHT_CPU, _LIGHT_MEMORY = "1", "4G"


def customizer(recipe: Recipe) -> Customize:
    """Return the function that applies `recipe.cluster` to a task of the cycle."""

    def customize(task: Any, component: str) -> None:
        cluster, step = recipe.cluster, STEP_OF[component]
        image = cluster.image or IMAGE
        task.set_container_image((cluster.trainer_image or image) if step in _HEAVY else image)
        _resources(task, step, cluster)
        # The images name a numeric user; this keeps another image from running as root.
        kubernetes.set_security_context(task, run_as_non_root=True)
        if cluster.volume is not None:
            kubernetes.mount_pvc(task, cluster.volume, cluster.mount)
        if cluster.secret is not None:
            kubernetes.use_secret_as_env(task, cluster.secret, {key: key for key in ACCOUNT_KEYS})
        if recipe.tracking.uri is not None:
            task.set_env_variable("MLFLOW_TRACKING_URI", recipe.tracking.uri)
        if step == "train":
            kubernetes.empty_dir_mount(
                task,
                "shared-memory",
                "/dev/shm",  # noqa: S108
                "Memory",
                cluster.shared_memory,
            )
        kubernetes.set_timeout(task, cluster.timeout_seconds(step))
        _retries(task, step, cluster)
        apply_pod(task, step, cluster)

    return customize


def _retries(task: Any, step: Step, cluster: ClusterSettings) -> None:
    if not cluster.retries:
        return
    task.set_retry(
        cluster.retries,
        backoff_duration=f"{RETRY_AFTER_S}s",
        backoff_factor=RETRY_FACTOR,
        # Counted from the start of the first attempt. Without it KFP writes an hour: a longer step
        # would never be tried again.
        backoff_max_duration=f"{cluster.retry_seconds(step)}s",
    )


def _resources(task: Any, step: Step, cluster: ClusterSettings) -> None:
    own, heavy = cluster.step(step), step in _HEAVY
    # No CPU limit: it slows a pod down even if CPUs are idle.
    task.set_cpu_request(own.cpu or (cluster.cpu if heavy else _LIGHT_CPU))
    memory = own.memory or (cluster.memory if heavy else None)
    task.set_memory_request(memory or _LIGHT_MEMORY)
    if memory is not None:  # the light steps are small, and a limit set too low would kill them
        task.set_memory_limit(memory)
    gpus = own.gpus
    if gpus is None and heavy:
        # Only training spreads over several GPUs.
        gpus = cluster.gpus if step == "train" else min(cluster.gpus, 1)
    if gpus:
        task.set_accelerator_type(cluster.gpu_resource)
        task.set_accelerator_limit(gpus)

"""Give the pod of a task what the recipe asks for: `cluster.pod`, `cluster.steps`, `cluster.patch`."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from kfp import kubernetes
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig

from components.contracts.process.errors import UsageError
from components.contracts.recipe.cluster import ClusterSettings, Step
from components.contracts.recipe.pod import PodSettings

_SCRATCH = "/scratch"


def apply_pod(task: Any, step: Step, cluster: ClusterSettings) -> None:
    """Apply the settings of a step's pod to its task.

    Raises:
      UsageError: `cluster.patch` has a field that the platform does not have.
    """
    pod, own = cluster.pod, cluster.step(step)
    _image(task, pod)
    _environment(task, pod)
    for key, value in pod.labels.items():
        kubernetes.add_pod_label(task, key, value)
    for key, value in pod.annotations.items():
        kubernetes.add_pod_annotation(task, key, value)
    for key, value in (pod.node_selector | own.node_selector).items():
        kubernetes.add_node_selector(task, key, value)
    for one in (*pod.tolerations, *own.tolerations):
        kubernetes.add_toleration(task, one.key, one.operator, one.value, one.effect)
    if pod.scratch is not None:
        kubernetes.empty_dir_mount(task, "scratch", _SCRATCH, size_limit=pod.scratch)
        task.set_env_variable("TMPDIR", _SCRATCH)
    _patch(task, step, cluster)


def _image(task: Any, pod: PodSettings) -> None:
    if pod.image_pull_policy is not None:
        kubernetes.set_image_pull_policy(task, pod.image_pull_policy)
    if pod.image_pull_secrets:
        kubernetes.set_image_pull_secrets(task, list(pod.image_pull_secrets))


def _environment(task: Any, pod: PodSettings) -> None:
    for name, value in pod.env.items():
        task.set_env_variable(name, value)
    for name, place in pod.secret_env.items():
        secret, _, key = place.partition("/")
        kubernetes.use_secret_as_env(task, secret, {key: name})
    for name, place in pod.config_env.items():
        config, _, key = place.partition("/")
        kubernetes.use_config_map_as_env(task, config, {key: name})


def _patch(task: Any, step: Step, cluster: ClusterSettings) -> None:
    """Merge `cluster.patch` into the task: single values replace, lists grow, mappings merge."""
    merged = json_format.ParseDict(
        task.platform_config.get("kubernetes", {}), KubernetesExecutorConfig()
    )
    for whom in ("all", step):
        fields = cluster.patch.get(whom, {})
        try:
            merged.MergeFrom(json_format.ParseDict(fields, KubernetesExecutorConfig()))
        except json_format.ParseError as error:
            why = " ".join(str(error).split())  # it lists the fields that there are
            raise UsageError(
                f"cluster.patch.{whom} is not of Kubeflow Pipelines' Kubernetes platform: {why}"
            ) from error
    if cluster.patch:
        task.platform_config["kubernetes"] = json_format.MessageToDict(merged)

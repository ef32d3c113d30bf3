"""The places that a pod can reach: buckets, servers and the mounted volume."""

from __future__ import annotations

from pathlib import PurePosixPath

from components.contracts.process.errors import UsageError
from components.contracts.process.uri import is_local
from components.contracts.recipe.recipe import Recipe

_VARIABLE = "MLFLOW_TRACKING_URI"
_SERVER = "http://mlflow.mlflow.svc:5000"


def campaign_root(recipe: Recipe, root: str | None) -> str | None:
    """Return the campaign root that pods see: the one given, else a folder on the volume, else None.

    Raises:
      UsageError: the root is a path that pods do not have.
    """
    cluster = recipe.cluster
    if root is None:
        return f"{cluster.mount.rstrip('/')}/{recipe.name}" if cluster.volume else None
    _check_reachable(recipe, root, "--root")
    return root.removeprefix("file://").rstrip("/")


def mlflow_in_pods(recipe: Recipe, root: str | None) -> str:
    """Return where pods find MLflow: its address, or words if only they know it; "" if nowhere that lasts.

    Args:
      recipe: the campaign's recipe.
      root: the campaign root that pods see; None if whoever starts a run gives it.
    """
    pod, patch = recipe.cluster.pod, recipe.cluster.patch
    if recipe.tracking.uri is not None:
        return recipe.tracking.uri
    if any(_VARIABLE in given for given in (pod.env, pod.secret_env, pod.config_env, str(patch))):
        return f"{_VARIABLE} of the pods"
    beside = PurePosixPath(root).parent if root is not None and is_local(root) else None
    if root is None or (beside and beside.is_relative_to(recipe.cluster.mount)):
        return "in mlflow/ beside the campaign root"
    return ""


def why_mlflow_is_lost(root: str | None) -> str:
    """Return what to change where `mlflow_in_pods` finds nothing that lasts."""
    return (
        f"tracking.uri is not set, and pods share no folder beside the campaign root {root}: each keeps "
        "MLflow's runs in a file of its own, which is lost with it. Set tracking.uri to a tracking server, such "
        f"as {_SERVER}, or {_VARIABLE} in cluster.pod.env, secret_env or config_env."
    )


def check_places(recipe: Recipe) -> None:
    """Raise UsageError if the recipe names data or an MLflow store that pods cannot reach."""
    if recipe.data.source is not None:
        _check_reachable(recipe, recipe.data.source, "data.source")
    uri = recipe.tracking.uri
    if uri is None or uri.startswith(("http://", "https://")):
        return
    scheme, _, rest = uri.partition("://")
    if scheme == "sqlite":
        # sqlite:///relative and sqlite:////absolute
        _check_reachable(recipe, rest.removeprefix("/"), "tracking.uri", _SERVER)
    elif not rest or scheme == "file":
        _check_reachable(recipe, rest or uri, "tracking.uri", _SERVER)


def _check_reachable(
    recipe: Recipe,
    place: str,
    what: str,
    example: str = "gs://bucket/prefix or s3://bucket/prefix",
) -> None:
    if not is_local(place):
        return
    cluster = recipe.cluster
    path = PurePosixPath(place.removeprefix("file://"))
    below = path.is_relative_to(cluster.mount) and ".." not in path.parts
    if below and cluster.volume is not None:
        return
    volume = (
        f"use a path below cluster.mount ({cluster.mount}, the volume {cluster.volume})"
        if cluster.volume is not None
        else f"set cluster.volume to a PersistentVolumeClaim and use a path below {cluster.mount}"
    )
    raise UsageError(
        f"{what} is a path of this machine, which the cluster's pods cannot reach: {place}. Give "
        f"{example}, or {volume}."
    )

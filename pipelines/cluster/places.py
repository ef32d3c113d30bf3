"""The places that a pod can reach: buckets, servers and the mounted volume."""

from __future__ import annotations

from pathlib import PurePosixPath

from components.contracts.process.errors import UsageError
from components.contracts.process.uri import is_local
from components.contracts.recipe.recipe import Recipe


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
        _check_reachable(
            recipe, rest.removeprefix("/"), "tracking.uri", "http://mlflow.mlflow.svc:5000"
        )
    elif not rest or scheme == "file":
        _check_reachable(recipe, rest or uri, "tracking.uri", "http://mlflow.mlflow.svc:5000")


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

"""Checks of what a run needs besides Kubeflow: its image, MLflow and the campaign root."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from http.client import HTTPException

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.process.uri import is_local
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.open import open_storage
from pipelines.cluster.places import campaign_root

_SECONDS = 10.0
_MOVING = ("latest", "main", "master", "dev", "nightly", "edge", "stable")


class UnknownHereError(StreetloopError):
    """Something that cannot be told from this machine."""


def check_image(image: str | None) -> str:
    """Say how an image is named.

    Raises:
      UsageError: there is none, or its name may mean another image tomorrow.
    """
    if not image:
        raise UsageError("cluster.image is not set. Build it with `make images` and push it.")
    if re.search(r"@sha256:[0-9a-f]{64}$", image):
        return f"{image} (by digest)"
    name = image.rsplit("/", 1)[-1]
    tag = name.partition(":")[2]
    if not tag or tag in _MOVING:
        raise UsageError(
            f"{image} names {'no tag' if not tag else 'a tag that moves'}: the steps of one cycle could run "
            "different code. Use a tag of the version and the commit, or a digest."
        )
    return f"{image} (by tag; a node may keep an old image of a tag that is pushed twice)"


def check_tracking(uri: str) -> str:
    """Reach MLflow's server.

    Args:
      uri: where pods find it, from `mlflow_in_pods`.

    Raises:
      StreetloopError: it does not answer, or something else does.
      UnknownHereError: it has a name that only the cluster knows, or it is a file that pods see.
    """
    if not uri.startswith(("http://", "https://")):
        raise UnknownHereError(f"{uri}: a store that only pods see.")
    if re.match(r"https?://[^/]+\.(svc|cluster\.local)(:|/|$)", uri):
        raise UnknownHereError(f"{uri} is a name inside the cluster. Only a pod can reach it.")
    address = f"{uri.rstrip('/')}/version"
    try:
        with urllib.request.urlopen(address, timeout=_SECONDS) as answer:  # noqa: S310, http(s)
            version = answer.read(100).decode(errors="replace").strip()
    except urllib.error.HTTPError as error:
        if error.code not in (401, 403):
            raise StreetloopError(f"{address} answers {error.code} {error.reason}.") from error
        return f"{uri} answers and wants an account (not proven from pods)"
    except (OSError, ValueError, HTTPException) as error:
        raise StreetloopError(
            f"{address} cannot be reached ({error}). Check tracking.uri."
        ) from error
    if not re.fullmatch(r"\d+\.\d+\S*", version):
        raise StreetloopError(f"{uri} is not MLflow: its /version is {version[:40]!r}.")
    return f"{uri}, version {version} (reached from here, not proven from pods)"


def check_root(recipe: Recipe, root: str | None) -> str:
    """Write, read and delete a file in the campaign root.

    Raises:
      StreetloopError: it is not writable, or there is none.
      UnknownHereError: it is on a volume, which only pods see.
    """
    place = campaign_root(recipe, root)
    if place is None:
        raise UsageError(
            "There is no campaign root. Give --root gs://bucket/prefix or "
            "s3://bucket/prefix, or cluster.volume."
        )
    if is_local(place):
        raise UnknownHereError(
            f"{place} is on the volume {recipe.cluster.volume}, which only pods see."
        )
    open_storage(place).check_usable()
    return f"{place} is writable with this machine's account (the pods have their own)"

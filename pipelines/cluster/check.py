"""Check from this machine whether a recipe can run on its cluster, before anything is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from components.contracts.kubeflow.client import Endpoint, connect, get_text
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.compile import compiled_run
from pipelines.cluster.kubectl import check_objects
from pipelines.cluster.outside import (
    UnknownHereError,
    check_image,
    check_root,
    check_tracking,
)
from pipelines.cluster.places import campaign_root, mlflow_in_pods, why_mlflow_is_lost
from pipelines.cluster.runs import campaign_runs, find_experiment, find_pipeline

_OLDEST = (2, 4)
# What a server older than this lacks.
_SINCE = {
    (2, 4): "GPU requests, which it drops silently",
    (2, 15): "COMPILED_PIPELINE_SPEC_PATCH, with which an administrator sets fsGroup",
    (2, 17): "a time to live for finished workflows",
}


@dataclass(frozen=True)
class Finding:
    """What a check found. `unknown`: it cannot be told from this machine."""

    what: str
    state: Literal["ok", "failed", "unknown"]
    words: str


def check(recipe: Recipe, root: str | None) -> Iterator[Finding]:
    """Yield what each check finds; nothing is created on the cluster.

    Args:
      recipe: the campaign's recipe.
      root: as for `compile_pipeline`.
    """
    yield _finding("recipe", lambda: _compiles(recipe, root))
    yield from _check_endpoint(recipe)
    for what, words in check_objects(recipe.cluster):
        yield _finding(what, words)
    yield _finding("image", lambda: check_image(recipe.cluster.image))
    if recipe.cluster.trainer_image:
        yield _finding("trainer image", lambda: check_image(recipe.cluster.trainer_image))
    yield _finding("MLflow", lambda: check_tracking(_mlflow(recipe, root)))
    yield _finding("campaign root", lambda: check_root(recipe, root))


def _mlflow(recipe: Recipe, root: str | None) -> str:
    place = campaign_root(recipe, root)
    if found := mlflow_in_pods(recipe, place):
        return found
    raise StreetloopError(why_mlflow_is_lost(place))


def _finding(what: str, words: Callable[[], str]) -> Finding:
    """Run a check: it returns what is right, and raises what is wrong or cannot be known."""
    try:
        return Finding(what, "ok", words())
    except UnknownHereError as error:
        return Finding(what, "unknown", str(error))
    except StreetloopError as error:
        return Finding(what, "failed", str(error))


def _compiles(recipe: Recipe, root: str | None) -> str:
    with compiled_run(recipe, root) as package:
        return f"complete; compiles to {package.stat().st_size // 1024} kB"


def _check_endpoint(recipe: Recipe) -> Iterator[Finding]:
    found: list[Endpoint] = []
    reached = _finding("endpoint", lambda: _reach(recipe, found))
    yield reached
    if reached.state == "failed":  # the others would say the same
        return
    (endpoint,) = found
    yield _finding("version", lambda: _version(endpoint))
    asks: dict[str, Callable[[Any], object]] = {
        "list experiments": lambda client: find_experiment(recipe, client),
        "list pipelines": lambda client: find_pipeline(recipe, client),
        "list runs": lambda client: campaign_runs(recipe, client, limit=1),
    }
    for right, ask in asks.items():
        yield _finding(f"right to {right}", partial(_ask, endpoint, ask))
    yield _finding("experiment", lambda: _experiment(recipe, endpoint))


def _reach(recipe: Recipe, found: list[Endpoint]) -> str:
    """Connect, and keep the connection for the other checks."""
    endpoint = connect(recipe.cluster)
    with endpoint.asked() as client:
        several = client.get_kfp_healthz().multi_user
    found.append(endpoint)
    return f"{endpoint.url or 'found by kfp'}, for {'several users' if several else 'one user'}"


def _version(endpoint: Endpoint) -> str:
    from kfp import __version__

    with endpoint.asked() as client:
        body = get_text(client, "/apis/v2beta1/healthz") or ""
    try:
        tag = str(json.loads(body).get("tag_name") or "")
    except ValueError:
        tag = ""
    found = re.match(r"v?(\d+)\.(\d+)", tag)
    if found is None:
        raise UnknownHereError(f"The server does not tell its version ({tag or 'no tag_name'}).")
    version = (int(found[1]), int(found[2]))
    lacks = [words for since, words in _SINCE.items() if version < since]
    said = f"{tag}, with kfp {__version__}{'; it lacks ' + '; '.join(lacks) if lacks else ''}"
    if version < _OLDEST:
        raise StreetloopError(f"{said}. Upgrade it to 2.4 or later.")
    return said


def _ask(endpoint: Endpoint, ask: Callable[[Any], object]) -> str:
    with endpoint.asked() as client:
        ask(client)
    return f"in namespace {endpoint.namespace}"


def _experiment(recipe: Recipe, endpoint: Endpoint) -> str:
    with endpoint.asked() as client:
        found = find_experiment(recipe, client)
    name = recipe.cluster.experiment
    return f"{name} exists" if found else f"{name} does not exist; submit creates it"

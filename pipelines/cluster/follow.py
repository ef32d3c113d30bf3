"""Follow a run on the cluster to its end: a line per step, and the failed step's own message."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from components.contracts.kubeflow.client import (
    Endpoint,
    LoginError,
    OutOfReachError,
    Started,
    connect,
)
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.logs import own_message, read_log
from pipelines.cluster.runs import find_run
from pipelines.cluster.steps import ENDED, Step, error_of, steps_of
from pipelines.local.display import duration

_POLL_SECONDS = 5.0
_PATIENCE_SECONDS = 300.0  # a port-forward is restarted, a server rolls over: the run goes on
# What `open` says if it opens no cycle.
_IDLE = re.compile(r"(?:skipped|nothing new|complete): .*")
_OPENS = ("open-cycle", "prepare")
_WORDS = {"SUCCEEDED": "done", "FAILED": "failed", "CANCELED": "canceled", "PENDING": "pending"}


def follow(recipe: Recipe, started: Started, say: Callable[[str], None]) -> None:
    """Wait until a run ends; `say` is called with a line at each change.

    Raises:
      StreetloopError: the run failed or was terminated, the login has expired, or the endpoint stays
        away for five minutes.
    """
    shown: dict[str, str] = {}
    endpoint: Endpoint | None = None
    lost_since: float | None = None
    while True:
        try:
            endpoint = endpoint or connect(recipe.cluster)
            run = _look(endpoint, started)
        except LoginError as error:
            raise StreetloopError(
                f"Run {started.id} continues on the cluster, but cannot be followed. {error}"
            ) from error
        except OutOfReachError as error:
            if lost_since is None:
                say(f"  waiting for the endpoint: {error}")
                lost_since = time.monotonic()
            if time.monotonic() - lost_since > _PATIENCE_SECONDS:
                raise StreetloopError(f"{error} Run {started.id} continues.") from error
        else:
            lost_since = None
            steps = steps_of(run)
            _show(steps, shown, say)
            if run.state in ENDED:
                say(_end(endpoint, started, run, steps))
                return
        time.sleep(_POLL_SECONDS)


def _look(endpoint: Endpoint, started: Started) -> Any:
    with endpoint.asked() as client:
        run = find_run(client, started.id)
    if not run.run_id:  # kfp takes a login's page for a run without anything
        raise endpoint.wants_login()
    return run


def _show(steps: list[Step], shown: dict[str, str], say: Callable[[str], None]) -> None:
    for place, step in enumerate(steps):
        # In the order of their start: a step that is shared out has several tasks of one name.
        task = f"{step.name} {sum(other.name == step.name for other in steps[:place])}"
        if shown.get(task) == step.state:
            continue
        shown[task] = step.state
        words = _WORDS.get(step.state, step.state.lower())
        took = "" if step.seconds is None else f" in {duration(step.seconds)}"
        say(f"  {step.name:<11} {words}{took}")


def _end(endpoint: Endpoint, started: Started, run: Any, steps: list[Step]) -> str:
    """Return the last line on a run that succeeded; raise StreetloopError for any other."""
    if run.state == "SUCCEEDED":
        opened = next((step for step in steps if step.name in _OPENS), None)
        idle = _IDLE.search(_log(endpoint, started, opened))
        return idle[0] if idle else f"Run {started.id} succeeded."
    failed = next((step for step in steps if step.state == "FAILED"), None)
    if run.state != "FAILED" or failed is None:
        why = error_of(run) or f"Kubeflow Pipelines reports {run.state}"
        raise StreetloopError(f"Run {started.id} did not succeed: {why}. See {started.url}")
    said = own_message(_log(endpoint, started, failed))
    why = said or failed.message or error_of(run) or "it left no message"
    raise StreetloopError(
        f"Run {started.id} failed in {failed.name}: {why}\n"
        f"`streetloop logs` prints the step's log; its page is {started.url}"
    )


def _log(endpoint: Endpoint, started: Started, step: Step | None) -> str:
    """Return a step's log; "" if it is not served."""
    if step is None:
        return ""
    try:
        with endpoint.asked() as client:
            return read_log(client, endpoint.namespace, started.id, step) or ""
    except StreetloopError:
        return ""

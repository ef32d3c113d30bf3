"""The steps of a run on the cluster, as Kubeflow Pipelines reports its tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from components.contracts.recipe.cluster import STEPS
from components.contracts.recipe.cluster import Step as StepName

# The component's name, which is the key of its task in the compiled pipeline -> the step's name in a
# recipe.
STEP_OF: dict[str, StepName] = {
    f"{step}-cycle" if step in ("open", "close") else step: step for step in STEPS
}
# With `cluster.fuse_light_steps`: the pod of those before the training. With `cluster.shards`: those
# that look at the pool for the query.
STEP_OF |= {"prepare": "preprocess", "look": "query"}
# A task that occurs twice has a number, and so has the log of a part of the pool.
_STEP = re.compile(rf"({'|'.join(STEP_OF)})(?:-\d+)?")
# Beside its own node a step has one of its driver, and below it one for each attempt.
_ATTEMPT = re.compile(r"executor(?:\(\d+\))?")
ENDED = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELED")


@dataclass(frozen=True)
class Step:
    """A step of a run.

    Attributes:
      name: of the component, a key of `STEP_OF`.
      state: Kubeflow's word, such as RUNNING or FAILED.
      seconds: from its start to its end; None while it runs.
      pods: the pods of its attempts, the newest first.
      message: Kubeflow's own message on a failure; the step's is in its log.
    """

    name: str
    state: str
    seconds: float | None
    pods: tuple[str, ...]
    message: str


def component_of(name: str) -> str | None:
    """Return the component of a task or of a log, whose name may end with a number."""
    match = _STEP.fullmatch(name)
    return match[1] if match else None


def steps_of(run: Any) -> list[Step]:
    """Return the steps of a run that have begun, in the order of their start; skipped ones left out."""
    tasks = (run.run_details and run.run_details.task_details) or []
    found = [
        (task, name)
        for task in tasks
        if (name := component_of(task.display_name or "")) and task.state != "SKIPPED"
    ]
    found.sort(key=lambda pair: (_time(pair[0]) is None, _time(pair[0])))
    return [_step(task, name, tasks) for task, name in found]


def _step(task: Any, name: str, tasks: list[Any]) -> Step:
    attempts = sorted(
        _attempts(task, tasks), key=lambda t: (_time(t) is not None, _time(t)), reverse=True
    )
    pods = [one.pod_name for one in (*attempts, task) if one.pod_name]
    begun, ended = _time(task), task.end_time if task.state in ENDED else None
    return Step(
        name=name,
        state=task.state or "PENDING",
        seconds=(ended - begun).total_seconds() if begun and ended else None,
        pods=tuple(dict.fromkeys(pods)),
        message=next((m for one in (*attempts, task) if (m := error_of(one))), ""),
    )


def _attempts(task: Any, tasks: list[Any]) -> Iterator[Any]:
    """Yield the nodes of a step's attempts: its children, and theirs, as long as they are attempts."""
    children = {(child.task_id or child.pod_name) for child in task.child_tasks or []}
    for other in tasks:
        if children.isdisjoint({other.task_id, other.pod_name} - {None}):
            continue
        if _ATTEMPT.fullmatch(other.display_name or ""):
            yield other
            yield from _attempts(other, tasks)


def _time(task: Any) -> datetime | None:
    moment: datetime | None = task.start_time or task.create_time
    return moment


def error_of(row: Any) -> str:
    """Return the message of a run's or a task's error, in one line; "" if it has none."""
    return " ".join(((row.error and row.error.message) or "").split())

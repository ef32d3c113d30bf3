"""Run the missing fits of an experiment, one after the other."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console

from components.contracts.process.errors import StreetloopError
from components.contracts.process.words import counted
from components.contracts.storage.base import Storage
from pipelines.fits.fit import Fit
from pipelines.fits.store import delete_checkpoint, read_result
from pipelines.fits.tracking import Runs
from pipelines.fits.worker import Worker
from pipelines.local.display import duration


@dataclass(frozen=True)
class Task:
    """A fit that an experiment needs.

    Attributes:
      title: what it is, as people see it.
      worker: runs it.
      names: of the scored splits, where people know them by another one.
    """

    title: str
    fit: Fit
    worker: Worker
    names: Mapping[str, str] = field(default_factory=dict)


def run_fits(
    console: Console,
    storage: Storage,
    tasks: Sequence[Task],
    runs: Runs,
    write: Callable[[], object],
) -> None:
    """Run the missing fits; one that fails does not stop the others.

    Args:
      console: shows title and score of each.
      storage: of the results.
      tasks: in order; a finished one is only shown and sent to MLflow.
      runs: of the experiment, in MLflow.
      write: stores the page so far, so that people can look at it while the others run.

    Raises:
      StreetloopError: fits failed; with the first one's error.
    """
    failed: list[str] = []
    beside: list[float] = []
    for number, task in enumerate(tasks, 1):
        fit = task.fit
        result, words, left = read_result(storage, fit), "finished before", ""
        if result is None:
            left = _left(storage, [t.fit for t in tasks], beside)
        console.print(f"Fit {number} of {len(tasks)}: {task.title}{left}", style="bold")
        if result is None:
            started = time.monotonic()
            try:
                task.worker.order(fit, runs.begin(fit))
            except StreetloopError as error:
                console.print(f"  {error}")
                failed.append(str(error))
                continue
            result = read_result(storage, fit)
            assert result is not None, "a process that succeeded has stored its result"
            took = time.monotonic() - started
            if took > result.seconds:  # not if an earlier command had trained a part of it
                beside.append(took - result.seconds)
            words = f"done after {duration(took)}"
            write()
        else:
            delete_checkpoint(storage, fit)
        runs.end(fit, result)
        mious = [
            f"{task.names.get(split, split)} {100 * scores.miou:.2f}"
            for split, scores in result.scores.items()
            if scores.miou is not None
        ]
        console.print(f"  {words}: mIoU {', '.join(mious)} %" if mious else f"  {words}")
    if failed:
        raise StreetloopError(f"{len(failed)} of {len(tasks)} fits failed. {failed[0]}")


def _left(storage: Storage, fits: Sequence[Fit], beside: Sequence[float]) -> str:
    """Estimate how long the missing fits will take, from the finished ones.

    Args:
      storage: of the results.
      fits: all of them.
      beside: the seconds that this command's fits took beside their training: to start, and to score.
    """
    known = {f.key: r for f in fits if (r := read_result(storage, f)) is not None}
    if not known:
        return ""
    took: dict[str, list[float]] = {}
    for result in known.values():
        took.setdefault(result.variant, []).append(result.seconds)
    mean = statistics.fmean(result.seconds for result in known.values())
    missing = {f.key: f for f in fits if f.key not in known}
    left = sum(statistics.fmean(took.get(f.variant, [mean])) for f in missing.values())
    if beside:
        left += len(missing) * statistics.fmean(beside)
    about = "about" if beside else "at least"
    return f" ({about} {duration(left)} left for {counted(len(missing), 'fit')})"

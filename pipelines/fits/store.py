"""What is stored of a fit: what it needs to resume while it runs, then its result."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from components.contracts.storage.base import Storage
from components.contracts.tracking.client import milliseconds
from pipelines.experiment.begun import first_time
from pipelines.fits.fit import Fit
from pipelines.fits.result import FitProgress, FitResult

RESULT, _BEGUN, _STATE, _SO_FAR = "result.json", "begun.json", "checkpoint.npz", "so_far.json"


def read_result(storage: Storage, fit: Fit) -> FitResult | None:
    """Return the result of a fit; None if it is not finished."""
    try:
        return FitResult.model_validate_json(storage.read(fit.place(RESULT)))
    except FileNotFoundError:
        return None


def write_result(storage: Storage, fit: Fit, result: FitResult) -> None:
    """Store a result atomically, and delete the checkpoint."""
    storage.write(fit.place(RESULT), result.model_dump_json(indent=1).encode())
    delete_checkpoint(storage, fit)


def delete_checkpoint(storage: Storage, fit: Fit) -> None:
    """Delete the checkpoint of a finished fit."""
    for name in (_STATE, _SO_FAR):
        storage.delete(fit.place(name))


class Begun:
    """A fit that is not finished.

    Attributes:
      at_ms: when it first started, in milliseconds since 1970. Its points in MLflow count from here,
        so that a repeated one stays one point.
    """

    def __init__(self, storage: Storage, fit: Fit) -> None:
        self._storage, self._fit = storage, fit
        facts: dict[str, object] = {"variant": fit.variant, "seed": fit.seed}
        self.at_ms = milliseconds(first_time(storage, fit.place(_BEGUN), facts))
        self._progress = FitProgress()
        with suppress(FileNotFoundError):
            self._progress = FitProgress.model_validate_json(storage.read(fit.place(_SO_FAR)))
        self._before = self._progress.seconds

    @property
    def seconds(self) -> float:
        """The training time that went into the checkpoint, over all interruptions."""
        return self._progress.seconds

    @property
    def history(self) -> dict[str, dict[str, float]]:
        """Losses and scores on dev by step."""
        return self._progress.history

    def restore(self, state: Path) -> None:
        """Copy the checkpoint, if there is one, to a local file."""
        name = self._fit.place(_STATE)
        if self._storage.exists(name):
            self._storage.get_file(name, state)

    def note(self, step: int, metrics: dict[str, float]) -> dict[str, float]:
        """Store a step's losses and scores; return the first ones if the step is repeated.

        A kill between the report and the checkpoint repeats a step, and its mean losses then cover
        fewer steps.
        """
        noted = self.history.setdefault(str(step), dict(metrics))
        self._write_progress()
        return noted

    def keep(self, state: Path, elapsed: float) -> None:
        """Store a checkpoint, and what is known at it; `elapsed` seconds of this process."""
        self._progress.seconds = self._before + elapsed
        self._write_progress()
        self._storage.put_file(state, self._fit.place(_STATE))

    def _write_progress(self) -> None:
        self._storage.write(self._fit.place(_SO_FAR), self._progress.model_dump_json().encode())

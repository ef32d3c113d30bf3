"""What an ablation keeps of a fit: what it needs to go on while it runs, then its result."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from components.contracts.ledger.events import to_iso, utc_now
from components.contracts.storage.base import Storage
from components.contracts.tracking.client import milliseconds
from pipelines.ablation.plan import Fit

RESULT, _BEGUN, _STATE, _SO_FAR = "result.json", "begun.json", "checkpoint.npz", "so_far.json"


def read_result(storage: Storage, fit: Fit) -> dict[str, Any] | None:
    """The result of a finished fit; None if it is not finished."""
    return read_json(storage, fit.place(RESULT))


def write_result(storage: Storage, fit: Fit, result: dict[str, Any]) -> None:
    """Stores a result as a whole, and drops what an interrupted fit would have gone on from."""
    storage.write(fit.place(RESULT), json.dumps(result, indent=1).encode())
    tidy(storage, fit)


def tidy(storage: Storage, fit: Fit) -> None:
    """Drops the checkpoint of a finished fit."""
    for name in (_STATE, _SO_FAR):
        storage.delete(fit.place(name))


def read_json(storage: Storage, name: str) -> dict[str, Any] | None:
    """A JSON object of the root; None if it is not there."""
    try:
        return json.loads(storage.read(name))
    except FileNotFoundError:
        return None


def created(storage: Storage, name: str, facts: dict[str, Any]) -> dict[str, Any]:
    """A JSON object that is written once, with the time; later calls return the first one's."""
    with suppress(FileExistsError):
        storage.create(name, json.dumps({"at": to_iso(utc_now())} | facts, indent=1).encode())
    return json.loads(storage.read(name))


class Begun:
    """A fit that is not finished.

    Attributes:
      at_ms: when it was begun first, in milliseconds since 1970; its points in MLflow count from
        here, so that a repeated one stays one point.
      seconds: of training that went into the checkpoint, over all interruptions.
      history: losses and scores on dev by step.
    """

    def __init__(self, storage: Storage, fit: Fit) -> None:
        self._storage, self._fit = storage, fit
        facts = {"variant": fit.variant, "seed": fit.seed}
        self.at_ms = milliseconds(created(storage, fit.place(_BEGUN), facts)["at"])
        so_far = read_json(storage, fit.place(_SO_FAR)) or {}
        self.history: dict[str, dict[str, float]] = so_far.get("history", {})
        self.seconds = self._before = float(so_far.get("seconds", 0.0))

    def restore(self, state: Path) -> None:
        """Brings the checkpoint, if there is one, to a local file."""
        name = self._fit.place(_STATE)
        if self._storage.exists(name):
            self._storage.get_file(name, state)

    def note(self, step: int, metrics: dict[str, float]) -> dict[str, float]:
        """Remembers a step's losses and scores; returns the first ones, should it come again.

        After a kill between the report and the checkpoint a step comes again, and its mean losses
        reach back less far then.
        """
        noted = self.history.setdefault(str(step), dict(metrics))
        self._write_so_far()
        return noted

    def keep(self, state: Path, elapsed: float) -> None:
        """Stores a checkpoint, and what is known at it; `elapsed` seconds of this process."""
        self.seconds = self._before + elapsed
        self._write_so_far()
        self._storage.put_file(state, self._fit.place(_STATE))

    def _write_so_far(self) -> None:
        so_far = {"seconds": self.seconds, "history": self.history}
        self._storage.write(self._fit.place(_SO_FAR), json.dumps(so_far).encode())

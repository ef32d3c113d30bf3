"""A training's losses in the campaign root: what MLflow gets at once, and again if it was away."""

from __future__ import annotations

import json
from collections.abc import Mapping

from components.contracts.storage.base import Storage
from components.contracts.tracking.client import Points


def log_name(cycle: int) -> str:
    """The file of a cycle: a JSON object of metrics by step."""
    return f"cycles/{cycle}/training.json"


class TrainingLog:
    """The reports of one cycle's fit, by step."""

    def __init__(self, storage: Storage, cycle: int, goes_on: bool) -> None:
        """Opens the log.

        Args:
          storage: the campaign root.
          cycle: the cycle.
          goes_on: the fit goes on from a checkpoint; else what an earlier one left is dropped.
        """
        self._storage, self._name = storage, log_name(cycle)
        self._rows = _rows(storage, cycle) if goes_on else {}

    def add(self, step: int, metrics: Mapping[str, float], opened_ms: int) -> Points:
        """Writes a report down, and returns what MLflow should get.

        What was written first stays: a fit that was killed after its report and before its
        checkpoint comes here again, with means over fewer steps, and must not make a second point.
        """
        if str(step) not in self._rows:
            self._rows[str(step)] = dict(metrics)
            self._storage.write(self._name, json.dumps(self._rows).encode())
        return _points(step, self._rows[str(step)], opened_ms)


def read_points(storage: Storage, cycle: int, opened_ms: int) -> list[Points]:
    """Every report of a cycle's fit, in order; none if it did not train."""
    rows = sorted((int(step), metrics) for step, metrics in _rows(storage, cycle).items())
    return [_points(step, metrics, opened_ms) for step, metrics in rows]


def _points(step: int, metrics: Mapping[str, float], opened_ms: int) -> Points:
    # One millisecond a step keeps the points in order, and where a retry puts them again.
    return Points(metrics, step, opened_ms + step)


def _rows(storage: Storage, cycle: int) -> dict[str, dict[str, float]]:
    name = log_name(cycle)
    return json.loads(storage.read(name)) if storage.exists(name) else {}

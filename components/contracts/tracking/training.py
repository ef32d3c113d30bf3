"""A training's losses in the campaign root: what MLflow gets at once, and again if it was away."""

from __future__ import annotations

import json
from collections.abc import Mapping

from components.contracts.storage.base import Storage
from components.contracts.tracking.client import Points


class TrainingLog:
    """The metrics of one cycle's fit: a JSON object of metrics by step."""

    def __init__(self, storage: Storage, name: str, resumed: bool) -> None:
        """Open the log.

        Args:
          storage: the campaign root.
          name: of the file.
          resumed: the fit resumes from a checkpoint; otherwise what an earlier one left is dropped.
        """
        self._storage, self._name = storage, name
        self._rows = _rows(storage, name) if resumed else {}

    def add(self, step: int, metrics: Mapping[str, float], opened_ms: int) -> Points:
        """Writes a report down, and returns what MLflow should get.

        What was written first stays: a fit that was killed after its report and before its
        checkpoint comes here again, with means over fewer steps, and must not make a second point.
        """
        if str(step) not in self._rows:
            self._rows[str(step)] = dict(metrics)
            self._storage.write(self._name, json.dumps(self._rows).encode())
        return _points(step, self._rows[str(step)], opened_ms)


def read_points(storage: Storage, name: str, opened_ms: int) -> list[Points]:
    """Every report of a cycle's fit, in order; none if it did not train."""
    rows = sorted((int(step), metrics) for step, metrics in _rows(storage, name).items())
    return [_points(step, metrics, opened_ms) for step, metrics in rows]


def _points(step: int, metrics: Mapping[str, float], opened_ms: int) -> Points:
    # One millisecond a step keeps the points in order, and where a retry puts them again.
    return Points(metrics, step, opened_ms + step)


def _rows(storage: Storage, name: str) -> dict[str, dict[str, float]]:
    return json.loads(storage.read(name)) if storage.exists(name) else {}

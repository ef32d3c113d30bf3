"""The metrics of a fit: as MLflow gets them, and in the campaign root for when it was down."""

from __future__ import annotations

import json
from collections.abc import Mapping

from components.contracts.storage.base import Storage
from components.contracts.tracking.client import Points


def named(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return metrics as MLflow groups them: one that names no group belongs to `train/`."""
    return {name if "/" in name else f"train/{name}": value for name, value in metrics.items()}


def points_at(step: int, metrics: Mapping[str, float], begun_ms: int) -> Points:
    """Return the points of a fit's step; the fit or its cycle began at `begun_ms`, since 1970."""
    # One millisecond per step keeps the points in order, and a retry repeats their times.
    return Points(metrics, step, begun_ms + step)


class TrainingLog:
    """The metrics of one cycle's fit: a JSON object of metrics by step."""

    def __init__(self, storage: Storage, name: str, resumed: bool) -> None:
        """Open the log.

        Args:
          storage: the campaign root.
          name: of the file.
          resumed: the fit resumes from a checkpoint; else the rows of an earlier fit are dropped.
        """
        self._storage, self._name = storage, name
        self._rows = _rows(storage, name) if resumed else {}

    def add(self, step: int, metrics: Mapping[str, float], opened_ms: int) -> Points:
        """Store a report, and return the points for MLflow.

        The first report of a step stays: a fit that was killed between report and checkpoint
        reports the step again, with means over fewer steps, and must not add a second point.
        """
        if str(step) not in self._rows:
            self._rows[str(step)] = named(metrics)
            self._storage.write(self._name, json.dumps(self._rows).encode())
        return points_at(step, self._rows[str(step)], opened_ms)


def read_points(storage: Storage, name: str, opened_ms: int) -> list[Points]:
    """Read every report of a cycle's fit, in order; none if it did not train."""
    rows = sorted((int(step), metrics) for step, metrics in _rows(storage, name).items())
    return [points_at(step, metrics, opened_ms) for step, metrics in rows]


def _rows(storage: Storage, name: str) -> dict[str, dict[str, float]]:
    if not storage.exists(name):
        return {}
    rows: dict[str, dict[str, float]] = json.loads(storage.read(name))
    return rows

"""The query step leaves its measure of the drift where the close, MLflow and status find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.scores.drift import Drift
from components.query import step
from tests.support.asking import IDS, before_query, in_this_process


def test_the_query_step_measures_drift_and_a_rerun_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    settings = {"query": {"strategy": "entropy", "query_size": 2, "drift_limit": 0.2}}
    given = before_query(root, settings, labeled=3)
    in_this_process(monkeypatch)
    found = step.run(*given, "records/r")
    assert found.asked == 2
    assert found.drift is not None
    assert (found.drift.images, found.drift.labeled) == (len(IDS) - 3, 3)
    assert found.drift.limit == 0.2
    stored = (root / "queries" / "1" / "drift.json").read_text()
    assert Drift.model_validate_json(stored) == found.drift
    (root / "work" / "1" / "query.done.json").unlink()  # as a kill after the event leaves it
    assert step.run(*given, "records/r") == found

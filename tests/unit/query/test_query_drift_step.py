"""The query step leaves its measure of the drift where the close, MLflow and status find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.contracts.ledger.ledger import Ledger
from components.contracts.scores.drift import Drift
from components.contracts.storage.open import open_storage
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


@pytest.mark.parametrize(("labeled", "counted"), [(3, 3), (1, None)])
def test_images_that_wait_for_a_label_are_no_labeled_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labeled: int, counted: int | None
) -> None:
    settings = {"query": {"strategy": "entropy", "query_size": 4}}
    given = before_query(tmp_path / "root", settings, labeled=labeled)
    asked = [{"image_id": i, "score": 1.0, "reason": "r", "cost": 1.0} for i in IDS[labeled:][:2]]
    query = {"cycle": 1, "strategy": "entropy", "model": None, "items": asked}
    ledger = Ledger(open_storage(given[1]))
    ledger.commit("query", "query/before", query, fence=given[3])
    in_this_process(monkeypatch)
    found = step.run(*given, "records/r")
    assert found.asked == 2
    assert (found.drift and found.drift.labeled) == counted

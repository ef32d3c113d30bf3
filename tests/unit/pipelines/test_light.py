"""The light steps in one task lead to the same ledger as in tasks of their own."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context
from components.contracts.step.done import read_marker
from components.contracts.step.plan import Plan
from components.contracts.storage.open import open_storage
from components.cycle import open as opening
from components.feedback import step as feedback
from components.preprocess import step as preprocess
from components.split import step as split
from pipelines.light.run import run
from tests.support.tiny_source import write_item


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    for split_name, number in (("train", 6), ("val", 2)):
        for n in range(number):
            write_item(tmp_path / "data", f"{'ab'[n % 2]}{split_name}_{n:06}_000000", split_name)
    return Recipe.model_validate(
        {
            "name": "street",
            "data": {"source": str(tmp_path / "data")},
            "feedback": {"oracle": True},
            "split": {"initial": 2, "dev_fraction": 0.0},
        }
    ).resolved()


@pytest.fixture(autouse=True)
def no_process_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave MLflow out, and what a step changes in its process."""
    tracker = SimpleNamespace(check=lambda: None)
    monkeypatch.setattr(Context, "tracker", lambda *_, **__: tracker)
    for step in (opening, preprocess, feedback, split):
        monkeypatch.setattr(step, "begin", lambda name: None)
    for name in ("send_missing", "ensure_runs"):
        monkeypatch.setattr(opening, name, lambda *_: None)


def events_of(root: Path) -> list[dict[str, Any]]:
    """The ledger, without what differs between two campaigns."""
    rows = [json.loads(path.read_text()) for path in sorted((root / "ledger").glob("*.json"))]
    for row in rows:
        for name in ("at", "event_id", "prev_sha256", "sha256"):
            del row[name]
        row["payload"].pop("expires_at", None)
    return rows


def test_one_task_does_what_four_do(recipe: str, tmp_path: Path) -> None:
    single, together = tmp_path / "single", tmp_path / "together"
    lease = opening.run(recipe, str(single), "run", False)
    records = preprocess.run(recipe, str(single), *lease)
    plan = feedback.run(recipe, str(single), *lease, records).plan
    parts = split.run(recipe, str(single), *lease, records).prefix
    prepared = run(recipe, str(together), "run", False)
    assert prepared == (Plan.TRAIN.value, *lease, records, parts)
    assert plan == Plan.TRAIN
    assert events_of(together) == events_of(single)
    for step in ("feedback", "split"):
        one, other = (read_marker(open_storage(str(root)), 1, step) for root in (single, together))
        assert one is not None
        assert other is not None
        assert one.outputs == other.outputs
    # A second attempt of the pod finds everything done.
    before = len(events_of(together))
    assert run(recipe, str(together), "run", False) == prepared
    assert len(events_of(together)) == before

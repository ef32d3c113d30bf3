"""Opening a cycle: what must hold before one is opened, and what a run of a complete campaign does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.contracts.ledger.lease import NO_CYCLE, LeaseHeldError, close_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context
from components.contracts.step.plan import Plan
from components.contracts.storage.open import open_storage
from components.cycle import close as closing
from components.cycle import held
from components.cycle import open as opening
from components.feedback import step as feedback
from components.preprocess import step as preprocess
from tests.support.tiny_source import write_item


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_item(tmp_path / "data", "aa_000000_000000")
    return tmp_path / "data"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    tracker = SimpleNamespace(check=lambda: None)
    monkeypatch.setattr(Context, "tracker", lambda *_, **__: tracker)
    for step in (opening, closing, preprocess, feedback):
        monkeypatch.setattr(step, "begin", lambda name: None)
    for name in ("send_missing", "ensure_runs"):
        monkeypatch.setattr(opening, name, lambda *_: None)
    return str(tmp_path / "root")


def _recipe(data: Path, **sections: Any) -> str:
    values = {"name": "street", "data": {"source": str(data)}, "feedback": {"oracle": True}}
    return Recipe.model_validate(values | sections).resolved()


def test_a_missing_data_set_opens_nothing(root: str, tmp_path: Path) -> None:
    with pytest.raises(StreetloopError, match="datta"):
        opening.run(_recipe(tmp_path / "datta"), root, "one", False)
    assert not Ledger(open_storage(root)).state().created


def test_a_data_set_that_is_gone_opens_no_further_cycle(root: str, data: Path) -> None:
    lease = opening.run(_recipe(data), root, "one", False)
    ledger = Ledger(open_storage(root))
    ledger.commit("seed", "seed", {"image_ids": ["aa_000000_000000"]})
    close_cycle(ledger, *lease, "done", None, {"queried": 1})
    data.rename(data.with_name("elsewhere"))
    with pytest.raises(StreetloopError, match=f"Data set not found: {data}"):
        opening.run(_recipe(data), root, "two", False)
    assert Ledger(open_storage(root)).state().open_cycle is None


def test_another_data_set_may_follow_a_wrong_one(root: str, data: Path, tmp_path: Path) -> None:
    write_item(tmp_path / "other", "bb_000000_000000")
    opening.run(_recipe(tmp_path / "other"), root, "one", False)
    lease = opening.run(_recipe(data), root, "two", True)
    assert (lease.cycle, lease.fence) == (1, 2)
    assert Ledger(open_storage(root)).state().protected["data.source"] == str(data)


def test_a_run_that_gets_no_lease_changes_no_setting(root: str, data: Path, tmp_path: Path) -> None:
    write_item(tmp_path / "other", "bb_000000_000000")
    opening.run(_recipe(data), root, "one", False)
    events = len(Ledger(open_storage(root)).events())
    fail = {"cycle": {"when_held": "fail"}}
    changed = _recipe(data, query={"query_size": 2}, **fail)
    for recipe in (_recipe(tmp_path / "other", **fail), changed):
        with pytest.raises(LeaseHeldError, match="'one' holds cycle 1"):
            opening.run(recipe, root, "two", False)
    assert len(Ledger(open_storage(root)).events()) == events


def test_a_run_of_a_complete_campaign_does_nothing(root: str, data: Path) -> None:
    recipe = _recipe(data, cycle={"cycles": 1})
    lease = opening.run(recipe, root, "one", False)
    close_cycle(Ledger(open_storage(root)), *lease, "done", None, {"queried": 2})
    events = len(Ledger(open_storage(root)).events())
    for owner in ("one", "two"):  # a task that is tried again, and the next run of a schedule
        opened = opening.run(recipe, root, owner, False)
        assert opened == NO_CYCLE
        records = preprocess.run(recipe, root, *opened)
        assert feedback.run(recipe, root, *opened, records).plan == Plan.NOTHING
        closing.run(recipe, root, owner)
    assert len(Ledger(open_storage(root)).events()) == events
    assert open_storage(root).list("work") == []


def test_a_firing_that_finds_the_cycle_held_is_skipped(
    root: str, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lease = opening.run(_recipe(data), root, "one", False)
    events = len(Ledger(open_storage(root)).events())
    recipe = _recipe(data, query={"query_size": 2})
    opened = opening.run(recipe, root, "two", False)
    assert opened == NO_CYCLE
    assert "skipped: run one holds it" in caplog.text
    records = preprocess.run(recipe, root, *opened)
    assert feedback.run(recipe, root, *opened, records).plan == Plan.NOTHING
    assert closing.run(recipe, root, "two") == "<p>Skipped: run one holds cycle 1.</p>"
    assert len(Ledger(open_storage(root)).events()) == events
    state = Ledger(open_storage(root)).state()
    assert state.open_cycle is not None
    assert (state.open_cycle.owner, state.open_cycle.fence) == ("one", lease.fence)


def test_a_run_may_wait_for_the_one_that_holds_the_cycle(
    root: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opening.run(_recipe(data), root, "one", False)

    def sleep(seconds: float) -> None:
        close_cycle(Ledger(open_storage(root)), *first, "done", None, {"queried": 2})

    monkeypatch.setattr(held.time, "sleep", sleep)
    second = opening.run(_recipe(data, cycle={"when_held": "wait"}), root, "two", False)
    assert (second.cycle, second.fence) == (2, first.fence + 1)


def test_a_run_that_waited_opens_no_cycle_of_a_campaign_that_is_complete(
    root: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = _recipe(data, cycle={"when_held": "wait", "cycles": 1})
    first = opening.run(recipe, root, "one", False)

    def sleep(seconds: float) -> None:
        close_cycle(Ledger(open_storage(root)), *first, "done", None, {"queried": 2})

    monkeypatch.setattr(held.time, "sleep", sleep)
    assert opening.run(recipe, root, "two", False) == NO_CYCLE


def test_waiting_ends_after_the_time_of_a_lease(
    root: str, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening.run(_recipe(data), root, "one", False)
    clock = [0.0]
    monkeypatch.setattr(held.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(held.time, "sleep", lambda seconds: clock.append(clock.pop() + seconds))
    recipe = _recipe(data, cycle={"when_held": "wait", "lease_minutes": 1.0})
    with pytest.raises(LeaseHeldError, match="'one' holds cycle 1"):
        opening.run(recipe, root, "two", False)
    assert clock == [60.0]

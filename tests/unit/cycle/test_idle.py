"""What a run does that has nothing new: it opens no cycle, and says why in one line."""

from __future__ import annotations

import logging
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.contracts.ledger.lease import NO_CYCLE, Lease, close_cycle, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context
from components.contracts.storage.open import open_storage
from components.cycle import close as closing
from components.cycle import held
from components.cycle import open as opening
from components.cycle.changes import create
from components.cycle.idle import idle_words
from tests.support.tiny_source import write_item

WAITS = "nothing new: still waiting for labels of 2 images, and no cycle is opened."


def recipe_of(folder: Path, **sections: Any) -> Recipe:
    return Recipe.model_validate(
        {"name": "street", "data": {"source": str(folder / "data")}, **sections}
    )


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    """A campaign whose first cycle asked people for two images."""
    write_item(tmp_path / "data", "aa_000000_000000")
    root = tmp_path / "root"
    storage = open_storage(str(root))
    recipe = recipe_of(tmp_path)
    create(storage, recipe)
    ledger = Ledger(storage)
    lease = open_cycle(ledger, "first", 60)
    items = [
        {"image_id": f"aa_{n:06}_000000", "score": 0.5, "reason": "random", "cost": 1.0}
        for n in range(2)
    ]
    query = {"cycle": 1, "strategy": "random", "model": None, "items": items}
    ledger.commit("query", "query/1", query, fence=lease.fence)
    close_cycle(ledger, *lease, "waiting", None, {"queried": 2})
    return root


def words(root: Path, **sections: Any) -> str:
    return idle_words(Context(recipe_of(root.parent, **sections).resolved(), str(root)))


def test_a_campaign_that_waits_for_people_has_nothing_new(campaign: Path) -> None:
    assert words(campaign) == WAITS


@pytest.mark.parametrize(
    "sections",
    [
        {"feedback": {"oracle": True}},  # it answers what was asked
        {"feedback": {"existing": True}},  # the data set may have new masks
        {"feedback": {"policy": "consensus"}},  # the labels there are may count otherwise
        {"query": {"query_size": 9}},
    ],
)
def test_what_may_change_something_is_no_idle_run(
    campaign: Path, sections: dict[str, dict[str, Any]]
) -> None:
    assert words(campaign, **sections) == ""


def test_a_file_in_the_inbox_is_something_new_once_it_is_complete(campaign: Path) -> None:
    inbox = campaign / "inbox"
    inbox.mkdir(exist_ok=True)
    (inbox / "labels.zip.part").write_bytes(b"half")
    assert words(campaign) == WAITS
    (inbox / "labels.zip").write_bytes(b"whole")
    assert words(campaign) == ""


def test_a_cycle_that_is_still_open_is_resumed(campaign: Path) -> None:
    open_cycle(Ledger(open_storage(str(campaign))), "second", 60)
    assert words(campaign) == ""


def test_a_campaign_that_has_trained_enough_is_complete(campaign: Path) -> None:
    ledger = Ledger(open_storage(str(campaign)))
    close_cycle(ledger, *open_cycle(ledger, "second", 60), "done", None, {"version": 1})
    said = words(campaign, cycle={"cycles": 1})
    assert said.startswith("complete: campaign street has nothing left to do")


def test_the_run_opens_no_cycle_and_its_page_says_why(
    campaign: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_server(*_: Any, **__: Any) -> None:
        raise AssertionError("MLflow was asked")

    monkeypatch.setattr(Context, "tracker", no_server)
    for step in (opening, closing):
        monkeypatch.setattr(step, "begin", lambda name: None)
    recipe = recipe_of(campaign.parent).resolved()
    before = len(Ledger(open_storage(str(campaign))).events())
    with caplog.at_level(logging.INFO):
        assert opening.run(recipe, str(campaign), "second", False) == NO_CYCLE
    assert [one.message for one in caplog.records if one.levelname == "INFO"][-1] == WAITS
    assert closing.run(recipe, str(campaign), "second") == f"<p>{WAITS}</p>"
    assert len(Ledger(open_storage(str(campaign))).events()) == before


@pytest.mark.parametrize("handed_in", [False, True])
def test_a_run_that_waited_for_another_opens_a_cycle_only_if_labels_arrived(
    campaign: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    handed_in: bool,
) -> None:
    lease = open_cycle(Ledger(open_storage(str(campaign))), "second", 60)

    def sleep(seconds: float) -> None:
        close_cycle(Ledger(open_storage(str(campaign))), *lease, "waiting", None, {})
        if handed_in:
            (campaign / "inbox").mkdir(exist_ok=True)
            (campaign / "inbox" / "labels.zip").write_bytes(b"whole")

    monkeypatch.setattr(held.time, "sleep", sleep)
    recipe = recipe_of(campaign.parent, cycle={"when_held": "wait"})
    with caplog.at_level(logging.INFO):
        opened = held.acquire(Context(recipe.resolved(), str(campaign)), "third", False)
    assert opened == (Lease(3, 3) if handed_in else NO_CYCLE)
    assert (WAITS in caplog.messages) is not handed_in


def test_the_local_command_opens_a_cycle_all_the_same(
    campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = SimpleNamespace(check=lambda: None)
    monkeypatch.setattr(Context, "tracker", lambda *_, **__: tracker)
    monkeypatch.setattr(opening, "begin", lambda name: None)
    for name in ("send_missing", "ensure_runs"):
        monkeypatch.setattr(opening, name, lambda *_: None)
    opened = opening.run(recipe_of(campaign.parent).resolved(), str(campaign), "local-1", True)
    assert opened.cycle == 2


def test_kfp_runs_two_tasks(campaign: Path, tmp_path: Path) -> None:
    from kfp import local

    from pipelines.cycle import cycle
    from pipelines.local.launch import launching

    values = {"recipe": recipe_of(campaign.parent).resolved(), "root": str(campaign)}
    with redirect_stdout(StringIO()) as printed, launching(values):
        local.init(
            local.SubprocessRunner(use_venv=False),
            pipeline_root=str(tmp_path / "kfp"),
            workspace_root=str(tmp_path / "workspace"),
            raise_on_error=True,
        )
        cycle(recipe="recipe", root="root", owner="firing", take_over=False)
    (tmp_path / "log").write_text(printed.getvalue())
    begun = [p.parent.name for p in (tmp_path / "kfp").rglob("executor_output.json")]
    assert sorted(begun) == ["close-cycle", "open-cycle"]
    assert WAITS in printed.getvalue()

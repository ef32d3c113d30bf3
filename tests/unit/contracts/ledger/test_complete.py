"""When a campaign has nothing left to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.contracts.ledger.campaign import change_recipe, create_campaign
from components.contracts.ledger.complete import changed_something, is_complete
from components.contracts.ledger.lease import Lease, close_cycle, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.open import open_storage

SHA = "a" * 64


def _recipe(**sections: Any) -> Recipe:
    return Recipe.model_validate({"name": "street", "feedback": {"oracle": True}} | sections)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    recipe = _recipe()
    return create_campaign(open_storage(str(tmp_path)), recipe.name, recipe.values(), {})


def _open(ledger: Ledger) -> Lease:
    last = ledger.state().last_cycle
    return open_cycle(ledger, f"run-{0 if last is None else last.fence}", 60, take_over=True)


def _close(ledger: Ledger, lease: Lease, outcome: str, queried: int | None) -> None:
    summary = {"queried": queried}
    close_cycle(ledger, lease.cycle, lease.fence, outcome, None, summary)  # type: ignore[arg-type]


def _ask(ledger: Ledger, lease: Lease, *ids: str) -> None:
    items = [{"image_id": i, "score": 1.0, "reason": "chance", "cost": 1.0} for i in ids]
    row = {"cycle": lease.cycle, "strategy": "random", "model": None, "items": items}
    ledger.commit("query", f"query/{lease.cycle}", row, fence=lease.fence)


def _label(ledger: Ledger, image_id: str) -> None:
    label = {"image_id": image_id, "sha256": SHA, "annotator": "oracle"}
    row = {"file_sha256": SHA, "file_name": "oracle", "labels": [label], "refused": []}
    ledger.commit("labels_accepted", f"labels/{image_id}", row)


@pytest.mark.parametrize("outcome", ["done", "nothing_to_do", "waiting"])
def test_a_campaign_that_asked_for_nothing_more_is_complete(ledger: Ledger, outcome: str) -> None:
    assert not is_complete(ledger.state(), _recipe())
    lease = _open(ledger)
    assert not is_complete(ledger.state(), _recipe())
    _close(ledger, lease, outcome, queried=0)
    assert is_complete(ledger.state(), _recipe())


def test_a_campaign_that_asked_is_not_complete(ledger: Ledger) -> None:
    lease = _open(ledger)
    _ask(ledger, lease, "a")
    _close(ledger, lease, "done", queried=1)
    assert not is_complete(ledger.state(), _recipe())
    _label(ledger, "a")  # nobody has trained on it yet
    assert not is_complete(ledger.state(), _recipe())


def test_with_people_only_the_number_of_cycles_completes_a_campaign(ledger: Ledger) -> None:
    people = _recipe(feedback={"oracle": False})
    change_recipe(ledger, people.values(), {})
    _close(ledger, _open(ledger), "done", queried=0)
    assert not is_complete(ledger.state(), people)
    assert is_complete(ledger.state(), _recipe(feedback={"oracle": False}, cycle={"cycles": 1}))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"query": {"label_budget": 4}}, {"query": {"label_budget": 5}}),
        ({"query": {"label_budget": 4}}, {}),
        (
            {"feedback": {"oracle": True, "min_new_labels": 9}},
            {"feedback": {"oracle": True, "min_new_labels": 2}},
        ),
    ],
    ids=["a larger budget", "no budget", "fewer labels to train"],
)
def test_a_changed_setting_may_leave_something_to_do(
    ledger: Ledger, before: dict[str, Any], after: dict[str, Any]
) -> None:
    change_recipe(ledger, _recipe(**before).values(), {})
    _close(ledger, _open(ledger), "nothing_to_do", queried=0)
    assert is_complete(ledger.state(), _recipe(**before))
    assert is_complete(ledger.state(), _recipe(**before, seed=3))
    assert not is_complete(ledger.state(), _recipe(**after))


def test_a_cycle_that_only_opened_and_closed_changed_nothing(ledger: Ledger) -> None:
    _ask(ledger, lease := _open(ledger), "a")
    _close(ledger, lease, "waiting", queried=1)
    assert changed_something(ledger, 1)
    lease = _open(ledger)
    change_recipe(ledger, _recipe(seed=2).values(), {})
    _close(ledger, lease, "waiting", queried=0)
    assert not changed_something(ledger, 2)


def test_what_a_cycle_did_before_a_kill_counts(ledger: Ledger) -> None:
    _ask(ledger, _open(ledger), "a")
    lease = _open(ledger)  # another run takes the cycle over, and finds it nearly done
    assert (lease.cycle, lease.fence) == (1, 2)
    _close(ledger, lease, "waiting", queried=1)
    assert changed_something(ledger, 1)

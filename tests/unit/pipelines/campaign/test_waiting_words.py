"""What a campaign says when it has nothing left to ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.lease import close_cycle, open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.open import open_storage
from pipelines.campaign.status import read_status
from pipelines.campaign.waiting import ending_words, waiting_words

SHA = "a" * 64


def _recipe(**sections: Any) -> Recipe:
    return Recipe.model_validate({"name": "street"} | sections)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A campaign with one label, which no model has seen, and one cycle, which asked for nothing."""
    recipe = _recipe()
    ledger = create_campaign(open_storage(str(tmp_path)), recipe.name, recipe.values(), {})
    lease = open_cycle(ledger, "one", 60)
    label = {"image_id": "a", "sha256": SHA, "annotator": "ann"}
    row = {"file_sha256": SHA, "file_name": "a.png", "labels": [label], "refused": []}
    ledger.commit("labels_accepted", "labels/a", row)
    close_cycle(ledger, *lease, "nothing_to_do", None, {"queried": 0})
    return ledger


def test_the_reason_of_the_end_is_named(ledger: Ledger) -> None:
    state, few = ledger.state(), {"min_new_labels": 3}
    assert ending_words(_recipe(feedback=few), state) == (
        "No image is left to ask for: the pool is used up. 1 label is new, and a cycle trains from 3 on: "
        "lower feedback.min_new_labels to train on what there is."
    )
    words = ending_words(_recipe(query={"label_budget": 1}), state)
    assert words.startswith("The label budget is used up: query.label_budget is 1.")
    assert ending_words(_recipe(query={"label_budget": 2}), state).startswith("No image is left")


def test_a_campaign_that_waits_has_not_ended(ledger: Ledger) -> None:
    open_cycle(ledger, "two", 60)
    assert ending_words(_recipe(), ledger.state()) == ""


def test_a_complete_campaign_asks_nobody_for_labels(ledger: Ledger) -> None:
    ledger.storage.write("inbox/b.png", b"a person's work")
    recipe = _recipe(cycle={"cycles": 1})
    lease = open_cycle(ledger, "two", 60)
    items = [{"image_id": "b", "score": 1.0, "reason": "chance", "cost": 1.0}]
    row = {"cycle": 2, "strategy": "random", "model": None, "items": items}
    ledger.commit("query", "query/2", row, fence=lease.fence)
    close_cycle(ledger, *lease, "done", None, {"queried": 1})
    (line,) = waiting_words(read_status(recipe, ledger.storage), "street.yaml")
    assert line.startswith("1 file in ")
    assert line.endswith(
        "/inbox: no cycle ingests them in a complete campaign; raise cycle.cycles to continue."
    )
    assert ending_words(recipe, ledger.state()) == ""

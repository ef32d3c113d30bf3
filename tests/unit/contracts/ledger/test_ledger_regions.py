"""Regions in the ledger: what is asked, answered and left, and what older versions still read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import Label, LabelsAccepted, Query, QueryItem
from components.contracts.ledger.labels import label_id, read_parts, store_label, within
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.units import (
    free_tiles,
    labeled_units,
    waiting_units,
)
from components.contracts.recipe.query import QuerySettings
from components.contracts.regions.tiles import Tiles, grid
from components.contracts.storage.open import open_storage

GRID = (2, 4)
SIZE = (4, 8)
REGIONS = QuerySettings(unit="region", strategy="entropy", region_grid=GRID)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = create_campaign(open_storage(str(tmp_path)), "regions", {}, {})
    open_cycle(ledger, "run", 60)
    return ledger


def ask(ledger: Ledger, key: str, *numbers: int, image_id: str = "a") -> None:
    tiles = grid(*GRID).of(numbers) if numbers else None
    item = QueryItem(image_id=image_id, score=0.5, reason="entropy", cost=1.0, tiles=tiles)
    query = Query(cycle=1, strategy="entropy", model=None, items=[item])
    ledger.commit("query", f"query/{key}", query, fence=1)


def answer(
    ledger: Ledger,
    key: str,
    value: int,
    *numbers: int,
    at: str | None = None,
    image_id: str = "a",
    of: Tiles | None = None,
) -> None:
    tiles = grid(*GRID).of(numbers) if numbers else of
    sha256 = store_label(ledger.storage, image_id, within(np.full(SIZE, value, np.uint8), tiles))
    label = Label(image_id=image_id, sha256=sha256, annotator=key, created_at=at, tiles=tiles)
    accepted = LabelsAccepted(file_sha256="0" * 64, file_name=key, labels=[label], refused=[])
    ledger.commit("labels_accepted", f"labels/{key}", accepted)


def label(ledger: Ledger) -> np.ndarray:
    return read_parts(ledger.storage, ledger.state().label_parts["a"])


def test_an_image_stays_in_the_pool_for_its_other_regions(ledger: Ledger) -> None:
    ask(ledger, "1", 1, 6)
    assert waiting_units(ledger.state(), REGIONS) == 2
    answer(ledger, "eve", 3, 1)
    state = ledger.state()
    assert state.outstanding["a"].tiles == Tiles(2, 4, (6,)), "one of two is answered"
    answer(ledger, "dan", 4, 6)
    state = Ledger(ledger.storage).state()
    assert not state.outstanding
    assert state.partial == {"a"}
    assert free_tiles(state, "a", GRID) == (0, 2, 3, 4, 5, 7)
    assert (labeled_units(state, REGIONS), labeled_units(state, QuerySettings())) == (2, 1)


def test_a_later_label_adds_its_regions_and_forgets_none(ledger: Ledger) -> None:
    answer(ledger, "1", 3, 1, 6)
    answer(ledger, "2", 4, 0)
    expected = np.full(SIZE, 255)
    expected[0:2, 2:4], expected[2:4, 4:6], expected[0:2, 0:2] = 3, 3, 4
    np.testing.assert_array_equal(label(ledger), expected)
    before = label_id(ledger.state().label_parts["a"])
    answer(ledger, "3", 5, 6)  # a correction of one region
    expected[2:4, 4:6] = 5
    np.testing.assert_array_equal(label(ledger), expected)
    assert label_id(ledger.state().label_parts["a"]) != before
    assert ledger.state().labeled_area("a") == (Tiles(2, 4, (0, 1, 6)),)


def test_of_two_answers_for_a_region_the_one_drawn_last_counts_however_they_arrive(
    ledger: Ledger,
) -> None:
    answer(ledger, "new", 3, 1, at="2020-01-02T00:00:00.000000+00:00")
    answer(ledger, "old", 4, 1, 2, at="2020-01-01T00:00:00.000000+00:00")
    assert label(ledger)[0].tolist() == [255, 255, 3, 3, 4, 4, 255, 255]


def test_a_label_of_the_whole_image_covers_its_regions(ledger: Ledger) -> None:
    answer(ledger, "1", 3, 1)
    answer(ledger, "2", 4)
    state = ledger.state()
    assert (label(ledger) == 4).all()
    assert [version.annotator for version in state.label_parts["a"]] == ["2"]
    assert (state.partial, free_tiles(state, "a", GRID)) == (set(), ())
    assert labeled_units(state, REGIONS) == 8


def test_a_region_does_not_answer_for_a_whole_image(ledger: Ledger) -> None:
    ask(ledger, "1")
    answer(ledger, "1", 3, 1)
    assert ledger.state().outstanding["a"].tiles is None


def test_regions_that_nobody_can_label_leave_the_pool_without_their_image(ledger: Ledger) -> None:
    ask(ledger, "1", 1, 6)
    skip = {"image_id": "a", "annotator": "eve", "why": "rain"}
    ledger.commit("task_skipped", "skip/a", skip)
    state = ledger.state()
    assert not state.outstanding
    assert not state.skipped
    assert free_tiles(state, "a", GRID) == (0, 2, 3, 4, 5, 7)


def test_regions_that_are_divided_in_another_way_do_not_overlap_labeled_ones(
    ledger: Ledger,
) -> None:
    answer(ledger, "1", 3, 0)
    assert free_tiles(ledger.state(), "a", (4, 8)) == tuple(sorted({*range(32)} - {0, 1, 8, 9}))
    assert free_tiles(ledger.state(), "a", (1, 2)) == (1,)


def test_small_regions_of_an_earlier_grid_add_up_in_the_units_of_a_larger_one(
    ledger: Ledger,
) -> None:
    coarse = REGIONS.model_copy(update={"region_grid": (1, 2)})
    for image_id in "abcdefgh":
        ask(ledger, image_id, 1, image_id=image_id)
    assert waiting_units(ledger.state(), coarse) == 2, "8 of 8 x 8 regions: an eighth of 16"
    for image_id in "abcdefgh":
        answer(ledger, image_id, 3, 1, image_id=image_id)
    assert labeled_units(ledger.state(), coarse) == 2
    assert labeled_units(ledger.state(), REGIONS) == 8


def test_events_without_regions_are_what_older_versions_read(ledger: Ledger) -> None:
    ask(ledger, "1")
    answer(ledger, "1", 3)
    ask(ledger, "2", 1)
    *_, query, labels, regions = (
        json.loads(ledger.storage.read(name)) for name in sorted(ledger.storage.list("ledger"))
    )
    assert "tiles" not in query["payload"]["items"][0]
    assert "tiles" not in labels["payload"]["labels"][0]
    assert regions["payload"]["items"][0]["tiles"] == {"rows": 2, "columns": 4, "numbers": [1]}

"""From what people draw to the regions that were asked for: real files, real storage, no training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from components.contracts.annotation import label_studio, png_mask
from components.contracts.data.records import INDEX, Records
from components.contracts.ledger.campaign import create_campaign
from components.contracts.ledger.events import Query, QueryItem
from components.contracts.ledger.inbox import put
from components.contracts.ledger.labels import read_parts
from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.open import open_storage
from components.feedback.inbox import ingest_inbox
from components.feedback.report import build

SIZE = (4, 8)
FIRST, SECOND = Tiles(2, 4, (0, 5)), Tiles(2, 4, (1,))
SETTINGS = FeedbackSettings()


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return records_of(tmp_path, SIZE)


def records_of(folder: Path, size: tuple[int, int]) -> Records:
    row = {"city": "a", "height": size[0], "width": size[1], "shard": "x", "offset": 0, "length": 0}
    (folder / INDEX).write_text(json.dumps({"a_0_1": {**row, "split": "train"}}))
    return Records(folder)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A campaign that asks for two regions of an image."""
    ledger = create_campaign(open_storage(str(tmp_path / "root")), "people", {"name": "people"}, {})
    open_cycle(ledger, "run", 60)
    ask(ledger, FIRST)
    return ledger


def ask(ledger: Ledger, tiles: Tiles) -> None:
    item = QueryItem(image_id="a_0_1", score=0.5, reason="entropy", cost=0.25, tiles=tiles)
    query = Query(cycle=1, strategy="entropy", model=None, items=[item])
    ledger.commit("query", f"query/{tiles}", query, fence=1)


def drawn(*parts: tuple[Tiles, int]) -> np.ndarray:
    """A mask with one class in each part, and nothing elsewhere."""
    mask = np.full(SIZE, 255, np.uint8)
    for tiles, train_id in parts:
        mask[tiles.mask(SIZE)] = train_id
    return mask


def task(mask: np.ndarray, moment: str, by: str = "eve", of: Tiles | None = None) -> dict:
    """A finished task; `of`: the regions that it names."""
    data = {} if of is None else {"regions": str(of)}
    made = label_studio.write_task("a_0_1", "x.png", mask, data=data)
    result = made.pop("predictions")[0]["result"]
    annotation = {"completed_by": {"email": by}, "result": result, "updated_at": moment}
    return made | {"annotations": [annotation]}


def take(ledger: Ledger, records: Records, *tasks: dict) -> None:
    put(ledger.storage, "export.json", json.dumps(list(tasks)).encode())
    ingest_inbox(ledger, records, SETTINGS, None)


def label(ledger: Ledger) -> np.ndarray:
    return read_parts(ledger.storage, ledger.state().label_parts["a_0_1"])


def test_only_the_regions_that_were_asked_for_are_taken(ledger: Ledger, records: Records) -> None:
    put(ledger.storage, png_mask.file_name("a_0_1"), png_mask.write(np.full(SIZE, 3, np.uint8)))
    ingest_inbox(ledger, records, SETTINGS, None)
    state = ledger.state()
    assert not state.outstanding
    np.testing.assert_array_equal(label(ledger), drawn((FIRST, 3)))
    assert state.labeled_area("a_0_1") == (FIRST,)


def test_an_export_that_holds_earlier_tasks_as_well_adds_the_new_regions_alone(
    ledger: Ledger, records: Records
) -> None:
    # A stroke of the first task reaches into a region that is asked for later, and back.
    first = drawn((FIRST, 3))
    first[0, 2] = 3
    one = task(first, "2020-01-01T00:00:00Z")
    take(ledger, records, one)
    ask(ledger, SECOND)
    take(
        ledger, records, one, skipped(FIRST)
    )  # another file: the one that is known is not looked at
    assert ledger.state().outstanding["a_0_1"].tiles == SECOND, "a stroke is no answer"
    second = drawn((SECOND, 4))
    second[0, 1] = 4
    take(ledger, records, one, task(second, "2020-01-02T00:00:00Z"))
    expected = drawn((FIRST, 3), (SECOND, 4))
    np.testing.assert_array_equal(label(ledger), expected)
    versions = ledger.state().labels["a_0_1"]
    take(ledger, records, task(second, "2020-01-02T00:00:00Z"), one)
    assert ledger.state().labels["a_0_1"] == versions
    np.testing.assert_array_equal(label(ledger), expected)


def test_labeled_regions_may_be_corrected(ledger: Ledger, records: Records) -> None:
    take(ledger, records, task(drawn((FIRST, 3)), "2020-01-01T00:00:00Z"))
    ask(ledger, SECOND)
    take(ledger, records, task(drawn((SECOND, 4)), "2020-01-02T00:00:00Z", by="dan"))
    take(ledger, records, task(drawn((FIRST, 5)), "2020-01-03T00:00:00Z", by="dan"))
    np.testing.assert_array_equal(label(ledger), drawn((FIRST, 5), (SECOND, 4)))
    assert len(ledger.state().labels["a_0_1"]) == 3


def test_a_label_of_other_regions_is_refused_with_the_reason(
    ledger: Ledger, records: Records
) -> None:
    take(ledger, records, task(drawn((SECOND, 4)), "2020-01-01T00:00:00Z"))
    state = ledger.state()
    assert list(state.outstanding) == ["a_0_1"]
    assert not state.labels
    (refused,) = ledger.events()[-1].payload.refused
    assert (
        "Too few pixels have a class in the regions of the image that are asked for (0, 5 of 2x4)"
        in (refused.reason)
    )


def skipped(of: Tiles | None = None, by: str = "ann") -> dict:
    done = task(drawn(), "2020-01-01T00:00:00Z", by, of)
    done["annotations"][0]["was_cancelled"] = True
    return done


@pytest.mark.parametrize("of", [FIRST, None])
def test_a_late_answer_to_skipped_regions_is_about_these_regions(
    ledger: Ledger, records: Records, of: Tiles | None
) -> None:
    take(ledger, records, skipped(of))
    assert ledger.state().passed["a_0_1"] == (FIRST,)
    answer = task(np.full(SIZE, 3, np.uint8), "2020-01-02T00:00:00Z", of=of)
    take(ledger, records, answer)
    state = ledger.state()
    assert state.labeled_area("a_0_1") == (FIRST,)
    assert state.partial == {"a_0_1"}
    np.testing.assert_array_equal(label(ledger), drawn((FIRST, 3)))
    take(ledger, records, answer, skipped(SECOND))
    assert ledger.state().labels == state.labels, "it is known"


@pytest.mark.parametrize("of", [FIRST, None])
def test_a_region_that_is_left_empty_goes_on_waiting(
    ledger: Ledger, records: Records, of: Tiles | None
) -> None:
    one, other = FIRST.of([0]), FIRST.of([5])
    take(ledger, records, task(drawn((one, 3)), "2020-01-01T00:00:00Z", of=of))
    state = ledger.state()
    assert state.labeled_area("a_0_1") == (one,)
    assert state.outstanding["a_0_1"].tiles == other
    both = task(drawn((one, 3), (other, 4)), "2020-01-02T00:00:00Z", of=of)
    take(ledger, records, both)
    state = ledger.state()
    assert not state.outstanding
    np.testing.assert_array_equal(label(ledger), drawn((one, 3), (other, 4)))
    take(ledger, records, both, skipped(SECOND))
    assert ledger.state().labels == state.labels, "it is known"


def test_nothing_is_taken_of_regions_that_the_task_did_not_name(
    ledger: Ledger, records: Records
) -> None:
    everything = task(np.full(SIZE, 3, np.uint8), "2020-01-01T00:00:00Z", of=FIRST)
    take(ledger, records, everything)
    ask(ledger, SECOND)
    take(ledger, records, everything, task(drawn(), "2020-01-01T00:00:00Z", of=SECOND))
    state = ledger.state()
    assert state.outstanding["a_0_1"].tiles == SECOND
    assert state.labeled_area("a_0_1") == (FIRST,)


def test_a_correction_counts_while_other_regions_are_asked_for(
    ledger: Ledger, records: Records
) -> None:
    take(ledger, records, task(drawn((FIRST, 3)), "2020-01-01T00:00:00Z"))
    ask(ledger, SECOND)
    take(ledger, records, task(drawn((FIRST, 5), (SECOND, 4)), "2020-01-02T00:00:00Z"))
    np.testing.assert_array_equal(label(ledger), drawn((FIRST, 5), (SECOND, 4)))
    assert not ledger.state().outstanding


def test_people_who_labeled_different_regions_do_not_correct_each_other(
    ledger: Ledger, records: Records
) -> None:
    one, both = FIRST.of([0]), FIRST
    eve = task(drawn((one, 3)), "2020-01-03T00:00:00Z")
    dan = task(drawn((both, 4)), "2020-01-02T00:00:00Z", by="dan")
    take(ledger, records, eve, dan)
    versions = ledger.state().labels["a_0_1"]
    assert len(versions) == 2
    take(ledger, records, dan, eve)
    assert ledger.state().labels["a_0_1"] == versions


def test_too_small_a_correction_is_refused_with_its_own_limit(
    ledger: Ledger, records: Records
) -> None:
    take(ledger, records, task(drawn((FIRST, 3)), "2020-01-01T00:00:00Z"))
    stroke = drawn()
    stroke[0, 0] = 5
    take(ledger, records, task(stroke, "2020-01-02T00:00:00Z"))
    (refused,) = ledger.events()[-1].payload.refused
    assert "corrects none that is labeled (0, 5 of 2x4)" in refused.reason
    assert "at least half as many pixels" in refused.reason


def test_a_repeated_skip_of_other_regions_skips_nothing(ledger: Ledger, records: Records) -> None:
    take(ledger, records, skipped(FIRST))
    ask(ledger, SECOND)
    take(ledger, records, skipped(FIRST), skipped(FIRST, by="dan"))
    state = ledger.state()
    assert state.outstanding["a_0_1"].tiles == SECOND
    assert state.passed["a_0_1"] == (FIRST,)


@pytest.mark.parametrize("of", [SECOND, None])
def test_regions_are_skipped_though_the_export_holds_an_answer_to_others(
    ledger: Ledger, records: Records, of: Tiles | None
) -> None:
    answer = task(drawn((FIRST, 3)), "2020-01-01T00:00:00Z", of=FIRST)
    take(ledger, records, answer)
    ask(ledger, SECOND)
    take(ledger, records, answer, skipped(of))
    state = ledger.state()
    assert not state.outstanding
    assert state.passed["a_0_1"] == (SECOND,)
    assert state.labeled_area("a_0_1") == (FIRST,)


def test_a_task_that_somebody_else_has_answered_is_not_skipped(
    ledger: Ledger, records: Records
) -> None:
    answer = task(drawn((FIRST, 3)), "2020-01-01T00:00:00Z", of=FIRST)
    take(ledger, records, skipped(FIRST), answer)
    state = ledger.state()
    assert not state.passed
    assert state.labeled_area("a_0_1") == (FIRST,)


def test_a_full_mask_that_is_handed_in_again_answers_the_new_request(
    ledger: Ledger, records: Records
) -> None:
    mask = png_mask.write(np.full(SIZE, 3, np.uint8))
    for tiles in (FIRST, SECOND):
        ask(ledger, tiles)
        put(ledger.storage, png_mask.file_name("a_0_1"), mask)
        ingest_inbox(ledger, records, SETTINGS, None)
        assert not ledger.state().outstanding
    np.testing.assert_array_equal(label(ledger), drawn((FIRST, 3), (SECOND, 3)))
    assert len(ledger.state().labels["a_0_1"]) == 2


def test_an_image_of_which_the_size_changed_is_labeled_whole(
    ledger: Ledger, records: Records, tmp_path: Path
) -> None:
    take(ledger, records, task(drawn((FIRST, 3)), "2020-01-01T00:00:00Z"))
    ask(ledger, SECOND)
    large = (8, 16)
    now = records_of(tmp_path, large)
    answer = np.full(large, 255, np.uint8)
    answer[SECOND.mask(large)] = 4
    take(ledger, now, task(answer, "2020-01-02T00:00:00Z", of=SECOND))
    (refused,) = ledger.events()[-1].payload.refused
    assert "8x4 pixels (width x height); it has 16x8 now" in refused.reason
    assert ledger.state().outstanding
    take(ledger, now, task(np.full(large, 4, np.uint8), "2020-01-03T00:00:00Z", of=SECOND))
    np.testing.assert_array_equal(label(ledger), np.full(large, 4))
    assert not ledger.state().outstanding
    assert not ledger.state().partial


def test_agreement_is_that_on_all_regions_that_two_people_labeled(
    ledger: Ledger, records: Records
) -> None:
    take(ledger, records, task(drawn((FIRST, 3)), "2020-01-01T00:00:00Z", by="dan"))
    take(ledger, records, task(drawn((FIRST, 3)), "2020-01-02T00:00:00Z"))
    ask(ledger, SECOND)
    take(ledger, records, task(drawn((SECOND, 4)), "2020-01-03T00:00:00Z"))
    dan, eve = build(ledger, 0, SETTINGS).agreement
    assert (dan.with_others, eve.with_others) == (1.0, 1.0)
    assert (dan.images, eve.images) == (1, 1)


def test_a_proposal_that_was_left_as_it_was_is_told_region_by_region(
    ledger: Ledger, records: Records
) -> None:
    name = f"queries/1/predictions/{png_mask.file_name('a_0_1')}"
    ledger.storage.write(name, png_mask.write(drawn((FIRST, 3))))
    take(ledger, records, task(drawn((FIRST.of([0]), 3)), "2020-01-01T00:00:00Z"))
    (warning,) = build(ledger, 0, SETTINGS).warnings
    assert "equals the prediction in every pixel" in warning.reason

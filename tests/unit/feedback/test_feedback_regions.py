"""From what people draw to the regions that were asked for: real files, real storage, no training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.contracts.annotation import png_mask
from components.contracts.data.records import Records
from components.contracts.ledger.inbox import put
from components.contracts.ledger.ledger import Ledger
from components.contracts.regions.tiles import Tiles
from components.feedback.inbox import ingest_inbox
from tests.support.region_campaign import (
    FIRST,
    SECOND,
    SETTINGS,
    SIZE,
    ask,
    asking,
    drawn,
    label,
    records_of,
    skipped,
    take,
    task,
)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return records_of(tmp_path, SIZE)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return asking(tmp_path)


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

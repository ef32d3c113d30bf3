"""Regions that several people label, correct or skip, and what the report says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.contracts.annotation import png_mask
from components.contracts.data.records import Records
from components.contracts.ledger.ledger import Ledger
from components.contracts.regions.tiles import Tiles, text_of
from components.feedback.report import build
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


def test_people_may_correct_labeled_regions(ledger: Ledger, records: Records) -> None:
    take(ledger, records, task(drawn((FIRST, 3)), "2020-01-01T00:00:00Z"))
    ask(ledger, SECOND)
    take(ledger, records, task(drawn((SECOND, 4)), "2020-01-02T00:00:00Z", by="dan"))
    take(ledger, records, task(drawn((FIRST, 5)), "2020-01-03T00:00:00Z", by="dan"))
    np.testing.assert_array_equal(label(ledger), drawn((FIRST, 5), (SECOND, 4)))
    assert len(ledger.state().labels["a_0_1"]) == 3


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


def test_a_correction_counts_while_other_regions_are_asked_for(
    ledger: Ledger, records: Records
) -> None:
    take(ledger, records, task(drawn((FIRST, 3)), "2020-01-01T00:00:00Z"))
    ask(ledger, SECOND)
    take(ledger, records, task(drawn((FIRST, 5), (SECOND, 4)), "2020-01-02T00:00:00Z"))
    np.testing.assert_array_equal(label(ledger), drawn((FIRST, 5), (SECOND, 4)))
    assert not ledger.state().outstanding


def test_a_task_may_name_regions_of_two_grids(ledger: Ledger, records: Records) -> None:
    """As the one that sends an image's labels back to the annotators, when its grid was changed."""
    right = Tiles(1, 8, (7,))
    take(ledger, records, task(drawn((FIRST, 3)), "2020-01-01T00:00:00Z"))
    ask(ledger, right)
    take(ledger, records, task(drawn((right, 4)), "2020-01-02T00:00:00Z"))
    ask(ledger, SECOND)
    parts = ledger.state().labeled_area("a_0_1")
    again = task(np.full(SIZE, 6, np.uint8), "2020-01-03T00:00:00Z")
    again["data"]["regions"] = text_of(parts)
    take(ledger, records, again)
    np.testing.assert_array_equal(label(ledger), drawn((FIRST, 6), (right, 6)))
    assert ledger.state().outstanding["a_0_1"].tiles == SECOND
    none = skipped(by="bob")
    none["data"]["regions"] = text_of(parts)
    take(ledger, records, none)
    assert ledger.state().outstanding["a_0_1"].tiles == SECOND


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

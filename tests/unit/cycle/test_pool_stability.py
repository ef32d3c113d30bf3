"""The close compares what two cycles predict for the pool, and never fails for its sake."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from components.contracts.forecast.sample import PoolSample
from components.contracts.forecast.stability import stability_of
from components.contracts.ledger.layout import cycle_report, pool_sample
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context
from components.contracts.step.report import CycleReport
from components.cycle.runs import report_metrics
from components.cycle.stability import compare_with_before

CAMPAIGN = Path(__file__).parents[2] / "fixtures" / "campaigns" / "v0.1"


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Cycle 3 of the frozen campaign, whose cycles 1 and 2 have trained."""
    shutil.copytree(CAMPAIGN, tmp_path / "root")
    return Context(Recipe(name="frozen").resolved(), str(tmp_path / "root"), 3)


def keep(context: Context, cycle: int, rows: list[list[int]]) -> None:
    sample = PoolSample(f"model {cycle}")
    sample.add("a", np.array(rows, np.uint8))
    context.storage.write(pool_sample(cycle), sample.encode())


def test_a_cycle_is_compared_with_the_one_before(context: Context) -> None:
    keep(context, 1, [[9, 9], [9, 8]])
    keep(context, 2, [[0, 0], [1, 1]])
    keep(context, 3, [[0, 1], [1, 1]])
    found = compare_with_before(context)
    # 3 of 4 pixels agree, 2/4 * 1/4 + 2/4 * 3/4 = 1/2 would by chance.
    assert found is not None
    assert (found.kappa, found.cycle, found.images) == (pytest.approx(0.5), 2, 1)
    assert (found.mean, found.threshold) == (None, 0.99)


def test_the_comparisons_of_earlier_cycles_count(context: Context) -> None:
    for cycle, kappa in ((1, 0.7), (2, 0.9)):
        report = CycleReport.model_validate_json(context.storage.read(cycle_report(cycle)))
        row = report.model_copy(update={"stability": stability_of(kappa, cycle, 1, [], 0.99)})
        context.storage.write(cycle_report(cycle), row.model_dump_json().encode())
        assert report_metrics(row)["pool/kappa"] == kappa
    keep(context, 2, [[0, 1]])
    keep(context, 3, [[0, 1]])
    found = compare_with_before(context)
    assert found is not None
    assert found.mean == pytest.approx((0.7 + 0.9 + 1.0) / 3)


def test_without_a_sample_there_is_no_comparison(context: Context) -> None:
    assert compare_with_before(context) is None
    keep(context, 3, [[0, 1]])
    assert compare_with_before(context) is None  # an older version ran cycle 2
    keep(context, 1, [[0, 1]])
    assert compare_with_before(context) is None


def test_a_damaged_sample_is_only_logged(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    keep(context, 3, [[0, 1]])
    context.storage.write(pool_sample(2), b"not an archive")
    with caplog.at_level(logging.WARNING):
        assert compare_with_before(context) is None
    assert "could not be compared" in caplog.text

"""Statistics of an experiment against numbers computed by hand, and how cells show them."""

from __future__ import annotations

import pytest

from pipelines.experiment.markdown import interval, plus_minus
from pipelines.experiment.statistics import paired, summary, t_quantile


@pytest.mark.parametrize(
    ("degrees", "expected"),
    # Printed tables of Student's t, 0.975.
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (30, 2.042)],
)
def test_t_quantile_agrees_with_printed_tables(degrees: int, expected: float) -> None:
    assert t_quantile(degrees) == pytest.approx(expected, abs=5e-4)


def test_t_quantile_of_another_level() -> None:
    assert t_quantile(10, 0.99) == pytest.approx(3.169, abs=5e-4)


def test_summary_of_three_values_by_hand() -> None:
    # Mean 4; deviations -2, -1, 3: variance 14 / 2 = 7; half = 4.303 * sqrt(7 / 3) = 6.573.
    found = summary([2.0, 3.0, 7.0])
    assert found is not None
    assert (found.n, found.mean) == (3, 4.0)
    assert found.spread == pytest.approx(7**0.5)
    assert found.half == pytest.approx(6.573, abs=2e-3)


def test_paired_is_over_the_shared_seeds_only() -> None:
    # Differences 1 and 3: mean 2, spread sqrt(2), half = 12.706 * sqrt(2) / sqrt(2).
    found = paired({0: 11.0, 1: 23.0, 5: 99.0}, {0: 10.0, 1: 20.0, 2: 50.0})
    assert found is not None
    assert (found.n, found.mean) == (2, 2.0)
    assert found.half == pytest.approx(12.706, abs=1e-3)


def test_paired_of_three_by_hand() -> None:
    # Differences 1, 2, 6: mean 3, variance (4 + 1 + 9) / 2 = 7.
    found = paired({0: 5.0, 1: 3.0, 2: 7.0}, {2: 1.0, 1: 1.0, 0: 4.0})
    assert found is not None
    assert (found.n, found.mean) == (3, 3.0)
    assert found.half == pytest.approx(4.3027 * (7 / 3) ** 0.5, abs=1e-3)


def test_one_value_has_no_interval_and_no_value_no_mean() -> None:
    one = summary([40.0])
    assert one is not None
    assert (one.spread, one.half) == (None, None)
    assert (summary([]), paired({0: 1.0}, {1: 1.0})) == (None, None)


def test_paired_takes_any_key() -> None:
    found = paired({("ulm", 0): 2.0, ("bonn", 0): 9.0}, {("ulm", 0): 1.0, ("ulm", 1): 0.0})
    assert found is not None
    assert (found.n, found.mean, found.low, found.high) == (1, 1.0, None, None)


def test_cells_show_what_is_known() -> None:
    # Mean 2, spread sqrt(2); half of the 95 % interval 12.706.
    two = summary([1.0, 3.0])
    assert two is not None
    assert interval(two) == "+2.00 [-10.71, +14.71]"
    assert interval(two, 1) == "+2.0 [-10.7, +14.7]"
    assert interval(summary([-40.0])) == "-40.00"
    assert interval(None) == "–"
    assert plus_minus(two.mean, two.spread) == "2.00 ± 1.41"
    assert plus_minus(40.0, None, 1) == "40.0"
    assert plus_minus(None, None) == "–"

"""Statistics of an ablation against numbers computed by hand, and its table."""

from __future__ import annotations

import pytest

from components.contracts.recipe.train import TrainSettings
from pipelines.ablation.figure import ablation_figure
from pipelines.ablation.plan import Design
from pipelines.ablation.result import FitResult, SplitScores
from pipelines.ablation.table import Table, interval, markdown, spread
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
    assert (spread(one), interval(one)) == ("40.00", "+40.00")
    assert (summary([]), paired({0: 1.0}, {1: 1.0})) == (None, None)
    assert (spread(None), interval(None)) == ("–", "–")


def _result(miou: float | None, seconds: float = 10.0, git_sha: str = "") -> FitResult:
    scores = SplitScores(miou=miou, pixel_accuracy=0.8, dice=0.5, images=1, classes={})
    return FitResult(
        variant="any",
        seed=0,
        settings=TrainSettings(),
        labeled=["a"],
        unlabeled=0,
        steps=4,
        best_step=2,
        seconds=seconds,
        waiting_for_data=0.0,
        git_sha=git_sha,
        scores={"val": scores, "dev": scores},
        history={},
        at_ms=0,
    )


def _table(results: dict[str, dict[int, FitResult]], planned: int) -> Table:
    return Table(
        "Ablation of x", Design(4, list(range(planned)), ["supervised", "all"], "val"), results
    )


def _row(text: str, start: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_complete_table_shows_spread_and_paired_interval() -> None:
    base = {0: _result(0.40, 10), 1: _result(0.50, 20)}
    better = {0: _result(0.41, 30), 1: _result(0.53, 50)}
    text = markdown(_table({"supervised": base, "all": better}, 2))
    assert _row(text, "supervised")[1:3] == ["2", "45.00 ± 7.07"]
    assert _row(text, "all")[1:3] == ["2", "47.00 ± 8.49"]
    assert _row(text, "all")[-1] == "40"
    differences = text.partition("Difference to supervised on val")[2]
    assert _row(differences, "all")[1:3] == ["2", "+2.00 [-10.71, +14.71]"]
    assert "Not complete" not in text


def test_a_partial_table_shows_its_number_of_fits() -> None:
    results = {"supervised": {0: _result(0.4), 1: _result(0.5)}, "all": {1: _result(0.6)}}
    text = markdown(_table(results, 3))
    assert _row(text, "all")[1:3] == ["1", "60.00"]
    differences = text.partition("Difference to supervised on val")[2]
    assert _row(differences, "all")[1:3] == ["1", "+10.00"]
    assert "Not complete: 3 of 6 fits" in text


def test_a_table_warns_of_two_versions_of_the_code() -> None:
    one, other = _result(0.4, git_sha="a" * 40), _result(0.5, git_sha="b" * 40)
    assert "different versions" not in markdown(_table({"supervised": {0: one, 1: one}}, 2))
    text = markdown(_table({"supervised": {0: one, 1: other}}, 2))
    assert f"different versions of the code: {'a' * 12}, {'b' * 12}." in text


def test_an_undefined_score_is_left_out() -> None:
    text = markdown(_table({"supervised": {0: _result(None), 1: _result(0.5)}}, 2))
    assert _row(text, "supervised")[1:3] == ["2", "50.00"]
    assert _row(text, "all")[1:3] == ["0", "–"]


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_figure_is_a_png_of_the_finished_fits(seeds: int) -> None:
    base = {seed: _result(0.4 + 0.01 * seed) for seed in range(seeds)}
    assert ablation_figure(_table({"supervised": base}, 3)).startswith(b"\x89PNG")
    better = {0: _result(0.5)}
    drawn = ablation_figure(_table({"supervised": base, "all": better}, 3))
    assert drawn.startswith(b"\x89PNG")

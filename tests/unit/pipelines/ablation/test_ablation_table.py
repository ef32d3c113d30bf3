"""The table of an ablation."""

from __future__ import annotations

import pytest

from components.contracts.recipe.train import TrainSettings
from pipelines.ablation.figure import ablation_figure
from pipelines.ablation.plan import Design
from pipelines.ablation.table import Table, markdown
from pipelines.fits.result import FitResult, SplitScores


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

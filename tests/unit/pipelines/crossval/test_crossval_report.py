"""Means over folds, and differences paired by fold and seed, by hand."""

from __future__ import annotations

import pytest

from pipelines.crossval.folds import Fold
from pipelines.crossval.report import Report, report_of
from pipelines.fits.result import SplitScores

FOLDS = [Fold("a", ("a",), 10), Fold("b", ("b",), 20)]


def scores(miou: float, **classes: float | None) -> SplitScores:
    return SplitScores(
        miou=miou, pixel_accuracy=0.5 + miou / 2, dice=miou, images=3, classes=dict(classes)
    )


BASE = {
    ("a", 0): scores(0.2, road=0.8, car=None),
    ("b", 0): scores(0.4, road=0.6),
    ("a", 1): scores(0.3, road=0.7),
    ("b", 1): scores(0.5, road=0.5),
}
# +0.01, +0.03 on seed 0, +0.02 on a of seed 1; b of seed 1 is not finished.
OTHER = {
    ("a", 0): scores(0.21, road=0.9, car=0.1),
    ("b", 0): scores(0.43, road=0.7),
    ("a", 1): scores(0.32, road=0.8),
}


@pytest.fixture
def report():
    return made("all", [40])


def made(labels: int | str, trained_on: list[int], steps: int = 9) -> Report:
    """A report of two variants: the recipe takes 9 steps, the other one `steps`."""
    scores = {"recipe": BASE, "other": OTHER}
    taken = {"recipe": 9, "other": steps}
    return report_of("x", labels, trained_on, taken, FOLDS, scores, complete=False)


def test_the_mean_is_over_folds_and_its_interval_over_seeds(report) -> None:
    found = report.variants[0].mean("miou")
    assert found.mean == pytest.approx((30 + 40) / 2)
    assert found.n == 2
    # 90 %: t with 1 degree of freedom is 6.314, the standard deviation of 30 and 40 is 7.0711.
    assert found.half == pytest.approx(6.3138 * 7.0711 / 2**0.5, rel=1e-4)


def test_a_seed_without_all_folds_is_no_part_of_the_mean(report) -> None:
    found = report.variants[1].mean("miou")
    assert (found.n, found.mean) == (1, pytest.approx(32))


def test_differences_are_paired_by_seed_and_averaged_in_each_fold(report) -> None:
    found = report.difference(report.variants[1], "miou")
    # 1.5, the mean of 1 and 2, and 3: two seeds of one place are not two places.
    assert (found.n, found.mean) == (2, pytest.approx(2.25))
    # Their standard deviation is 1.0607; t with 1 degree of freedom is 6.314.
    assert found.half == pytest.approx(6.3138 * 1.0607 / 2**0.5, rel=1e-3)


def test_the_page_shows_folds_means_differences_and_classes(report) -> None:
    page = report.markdown()
    assert "| recipe | a | 10 | 2 | 25.0" in page
    assert "| **recipe** | mean |  |  | 35.0" in page
    assert "| other | 2 | +2.2 [-2.5, +7.0] |" in page
    assert "| road | 65.0 | 80.0 |" in page
    assert "| car | – | 10.0 |" in page
    assert "Not complete" in page


@pytest.mark.parametrize(
    ("labels", "trained_on", "steps", "words"),
    [
        (5, [5, 5], 9, "5 labels of the others, 9 steps, last weights"),
        (1, [1], 1, "1 label of the others, steps: recipe 9, other 1, last weights"),
        (4000, [20, 12], 9, "all labels of the others (12 to 20), 9 steps"),
        (15, [15, 12], 9, "15 labels of the others (12 to 15), 9 steps"),
        (
            "1/8",
            [3, 3],
            2,
            "1/8 of the labels of the others (3), steps: recipe 9, other 2, last weights",
        ),
    ],
)
def test_the_page_says_how_many_labels_and_steps_there_were(
    labels: int | str, trained_on: list[int], steps: int, words: str
) -> None:
    assert words in made(labels, trained_on, steps).markdown()

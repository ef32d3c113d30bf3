"""What curves say, with numbers that were worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from components.train.frozen.settings import HeadSettings
from pipelines.simulate.analysis import analyse, area
from pipelines.simulate.page import markdown
from pipelines.simulate.plan import Design
from pipelines.simulate.result import Point, TrialResult

BUDGETS = (8, 16, 64)


def design(**changes: Any) -> Design:
    given: dict[str, Any] = {
        "strategies": ("stratified", "entropy"),
        "baseline": "stratified",
        "seeds": (0, 1),
        "budgets": BUDGETS,
        "query_size": None,
        "split": "dev",
        "head": HeadSettings(),
    }
    return Design(**given | changes)


def result(strategy: str | None, seed: int, *mious: float, car: float = 0.5) -> TrialResult:
    budgets = BUDGETS if strategy else (200,)
    points = [
        Point(
            labels=labels,
            asked=[],
            by=strategy or "all",
            miou=miou,
            pixel_accuracy=0.9,
            dice=0.6,
            classes={"car": car, "road": 0.9},
            seconds=2.0,
        )
        for labels, miou in zip(budgets, mious, strict=True)
    ]
    return TrialResult(key="k", strategy=strategy, seed=seed, points=points, git_sha="", at_ms=0)


RESULTS = [
    result("stratified", 0, 0.40, 0.44, 0.50),
    result("stratified", 1, 0.40, 0.46, 0.52),
    result("entropy", 0, 0.40, 0.48, 0.53, car=0.6),
    result("entropy", 1, 0.40, 0.50, 0.58, car=0.7),
    result(None, 0, 0.54),
    result(None, 1, 0.56),
]


def test_the_area_weighs_budgets_by_the_width_of_their_logarithm() -> None:
    # One doubling from 40 to 44, then two doublings from 44 to 50: (42 + 2 * 47) / 3.
    assert area({8: 40.0, 16: 44.0, 64: 50.0}) == pytest.approx(136 / 3)
    assert area({8: 40.0}) == 40.0


def test_differences_are_paired_by_seed() -> None:
    analysis = analyse("tiny", design(), 200, RESULTS)
    assert analysis is not None
    base, entropy = analysis.rows
    assert base.difference is None
    assert base.curve == {8: pytest.approx(40), 16: pytest.approx(45), 64: pytest.approx(51)}
    at_16, at_64 = entropy.at_budget[16], entropy.at_budget[64]
    assert at_16.n == 2
    assert (at_16.mean, at_16.low, at_16.high) == pytest.approx((4.0, 4.0, 4.0))  # in both seeds
    # 3 and 6 points: t(0.95; 1) = 6.314, standard error 1.5.
    assert (at_64.mean, at_64.low) == pytest.approx((4.5, 4.5 - 6.3138 * 1.5), abs=1e-3)
    assert entropy.difference is not None
    # Seed 0: (4 / 2 + 2 * (4 + 3) / 2) / 3 = 3; seed 1: (4 / 2 + 2 * (4 + 6) / 2) / 3 = 4.
    assert entropy.difference.mean == pytest.approx(3.5)
    assert entropy.classes == {"car": pytest.approx(15), "road": pytest.approx(0)}


def test_a_win_is_a_difference_whose_interval_leaves_out_zero() -> None:
    analysis = analyse("tiny", design(), 200, RESULTS)
    assert analysis is not None
    base, entropy = analysis.rows
    assert entropy.wins == {"stratified": 0.5}  # clear at 16; at 64 the interval holds 0
    assert base.wins == {"entropy": 0.0}


def test_labels_for_a_share_of_full_supervision() -> None:
    analysis = analyse("tiny", design(), 200, RESULTS)
    assert analysis is not None
    assert analysis.all_labels == pytest.approx(55)
    base, entropy = analysis.rows  # 90 % is 49.5, 95 % is 52.25
    assert base.labels_for == {"90%": 64, "95%": None}
    assert entropy.labels_for == {"90%": 64, "95%": 64}
    assert analysis.complete


def test_images_that_are_labeled_in_part_count_once() -> None:
    asked = [["a", "b"], ["c#1", "c#2", "d#0"], ["c#3", "e#1", "b#4"]]
    both = []
    for seed, more in ((0, []), (1, ["f#1"])):
        trial = result("entropy@region", seed, 0.40, 0.44, 0.50)
        points = [
            point.model_copy(update={"asked": names})
            for point, names in zip(trial.points, [*asked[:2], asked[2] + more], strict=True)
        ]
        both.append(trial.model_copy(update={"points": points}))
    whole = design(strategies=("stratified", "entropy@region"))
    analysis = analyse("tiny", whole, 200, [*RESULTS[:2], *both])
    assert analysis is not None
    assert analysis.rows[1].images == {8: 2, 16: 4, 64: 5.5}
    page = markdown(analysis, whole)
    assert "| strategy | 8 | 16 | 64 |" in page
    assert "| entropy@region | 2 | 4 | 6 |" in page


def test_an_analysis_of_some_trials_says_so() -> None:
    analysis = analyse("tiny", design(), 200, RESULTS[:3])
    assert analysis is not None
    assert (analysis.complete, analysis.all_labels) == (False, None)
    assert analysis.rows[1].difference is not None
    assert analysis.rows[1].difference.low is None  # one seed has no interval
    page = markdown(analysis, design())
    assert "Not complete." in page
    assert analyse("tiny", design(), 200, RESULTS[4:]) is None


def test_the_page_shows_curves_and_intervals() -> None:
    analysis = analyse("tiny", design(), 200, RESULTS)
    assert analysis is not None
    page = markdown(analysis, design())
    assert "| entropy | 2 | 40.0 ± 0.0 | 49.0 ± 1.4 | 55.5 ± 3.5 | 49.7 | 64 | 64 |" in page
    assert "+4.0 [+4.0, +4.0]" in page
    assert "With all 200 images labeled: 55.0 %." in page


@pytest.mark.parametrize(
    ("size", "rounds"),
    [(None, (8, 16, 64)), (8, (8, 16, 24, 32, 40, 48, 56, 64)), (40, (8, 16, 48, 64))],
)
def test_rounds_between_budgets(size: int | None, rounds: tuple[int, ...]) -> None:
    assert design(query_size=size).rounds == rounds

"""The power laws that points leave possible: recovered where they are exact, wide where they are few."""

from __future__ import annotations

import numpy as np
import pytest

from components.contracts.forecast.power_law import Futures, futures_of

LABELS = [8, 16, 24, 32, 48, 64]


def law(labels: float) -> float:
    return 0.8 - 0.5 * (labels / 8) ** -0.5


def test_an_exact_law_is_recovered() -> None:
    futures = futures_of([(n, law(n)) for n in LABELS], noise=1e-5)
    assert futures is not None
    for name, truth in (("asymptote", 0.8), ("rise", 0.5), ("exponent", 0.5)):
        assert np.quantile(getattr(futures, name), [0.1, 0.5, 0.9]) == pytest.approx(
            truth, abs=3e-3
        )
    assert np.median(futures.means(np.array([128]))) == pytest.approx(0.8 - 0.5 / 4, abs=3e-4)
    # 0.7 = 0.8 - 0.5 (n / 8)^-0.5, so n = 8 * 5^2
    assert np.median(futures.labels_for(0.7)) == pytest.approx(200, rel=5e-3)


def test_the_labels_for_a_score_follow_from_the_law_in_closed_form() -> None:
    one = Futures(10, *(np.array([v]) for v in (0.9, 0.6, 1.0, 0.0)))
    assert one.means(np.array([10, 20, 30]))[0] == pytest.approx([0.3, 0.6, 0.7])
    assert one.labels_for(0.7) == pytest.approx([30])
    assert np.isinf(one.labels_for(0.9)).all()
    assert np.isinf(one.labels_for(0.95)).all()


def test_scores_scatter_around_their_curve_as_the_noise_says_and_stay_fractions() -> None:
    many = Futures(10, *(np.full(20_000, v) for v in (0.9, 0.6, 1.0, 0.02)))
    scores = many.scores(np.array([20]))
    assert scores.std() == pytest.approx(0.02, rel=0.03)
    assert np.quantile(scores, [0.1, 0.9]) == pytest.approx([0.6 - 0.0256, 0.6 + 0.0256], abs=1e-3)
    high = Futures(10, *(np.full(100, v) for v in (1.0, 0.0, 1.0, 0.1)))
    assert high.scores(np.array([20])).max() == 1


def test_more_points_leave_less_room() -> None:
    def width(count: int) -> float:
        futures = futures_of([(n, law(n)) for n in LABELS[:count]])
        assert futures is not None
        low, high = np.quantile(futures.means(np.array([128])), [0.1, 0.9])
        return float(high - low)

    assert width(3) > 1.5 * width(6)


def test_every_curve_rises_and_ends_at_most_at_one() -> None:
    futures = futures_of([(8, 0.90), (16, 0.96), (24, 0.97)])
    assert futures is not None
    assert (futures.rise >= 0).all()
    assert (futures.asymptote <= 1).all()
    assert (futures.rise <= futures.asymptote).all()


def test_a_curve_that_falls_has_no_future() -> None:
    assert futures_of([(8, 0.7), (16, 0.6), (24, 0.5), (32, 0.4)]) is None


def test_the_same_points_in_any_order_give_the_same_curves() -> None:
    points = [(8, 0.3), (16, 0.45), (24, 0.5)]
    one, other = futures_of(points), futures_of(points[::-1])
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.asymptote, other.asymptote)


def test_the_intervals_of_80_percent_hold_about_as_often() -> None:
    """Curves from the family with the noise that the prior expects: 80 % of 150, give or take."""
    rng, held_next, held_labels = np.random.default_rng(5), 0, 0
    runs = 150
    for _ in range(runs):
        top, speed = rng.uniform(0.5, 0.9), np.exp(rng.uniform(np.log(0.3), np.log(1.2)))
        rise = rng.uniform(0.4, 0.8) * top
        labels = 8 * np.arange(1, 7)
        scores = top - rise * (labels / 8) ** -speed + 0.015 * rng.normal(size=6)
        points = list(zip(labels[:5].tolist(), scores[:5].tolist(), strict=True))
        futures = futures_of(points)
        assert futures is not None
        low, high = np.quantile(futures.scores(labels[5:]), [0.1, 0.9])
        held_next += bool(low <= scores[5] <= high)
        target = top - 0.5 * rise * 5**-speed  # half of what is left to gain
        needed = np.sort(futures.labels_for(target))
        truth = 8 * (rise / (top - target)) ** (1 / speed)
        held_labels += bool(
            needed[int(0.1 * len(needed))] <= truth <= needed[int(0.9 * len(needed))]
        )
    assert 0.70 <= held_next / runs <= 0.95
    assert 0.70 <= held_labels / runs <= 0.97

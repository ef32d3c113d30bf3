"""Cohen's kappa, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from components.contracts.scores.agreement import kappa


def test_kappa_is_what_the_formula_gives_by_hand() -> None:
    # Both agree on 35 of 50. By chance, 0.5 * 0.6 + 0.5 * 0.4 = 0.5: (0.7 - 0.5) / (1 - 0.5).
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


def test_kappa_is_one_for_equal_zero_for_chance_and_negative_below() -> None:
    assert kappa(np.diag([3, 4, 5])) == pytest.approx(1)
    assert kappa(np.outer([2, 3], [4, 6])) == pytest.approx(0)
    assert kappa(np.array([[0, 5], [5, 0]])) == pytest.approx(-1)


def test_kappa_of_equal_predictions_is_at_most_one_whatever_is_rounded() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        assert 1 - 1e-12 < kappa(np.diag(rng.integers(1, 10**6, 19))) <= 1


def test_kappa_is_undefined_without_pixels_or_with_a_single_class() -> None:
    assert kappa(np.zeros((3, 3), int)) is None
    assert kappa(np.diag([7, 0])) is None

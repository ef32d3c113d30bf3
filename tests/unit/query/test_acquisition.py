"""One contract for all acquisition functions; then the values of each, by hand."""

import numpy as np
import pytest

from components.contracts.recipe.query import QuerySettings, StrategyName
from components.query.strategies.acquisition import (
    ACQUISITIONS,
    REASONS,
    entropy,
    least_confidence,
    margin,
)

C = 19
every = pytest.mark.parametrize("measure", ACQUISITIONS.values(), ids=ACQUISITIONS)


def probabilities(seed=0, sharpness=1.0, size=(6, 5)):
    """Random distributions, float32 [H, W, 19]; the sharper, the surer."""
    logits = np.random.default_rng(seed).normal(0, sharpness, (*size, C))
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return (odds / odds.sum(-1, keepdims=True)).astype(np.float32)


def mixed(share):
    """One pixel between sure (0) and uniform (1)."""
    return (share / C + (1 - share) * np.eye(C)[0]).astype(np.float32)[None, None]


SURE, UNIFORM = mixed(0.0), mixed(1.0)


@every
def test_the_result_is_a_float32_map_in_0_to_1(measure):
    for sharpness in (0.01, 1.0, 30.0):
        scores = measure(probabilities(sharpness=sharpness))
        assert scores.shape == (6, 5)
        assert scores.dtype == np.float32
        assert scores.min() >= 0
        assert scores.max() <= 1


@every
def test_sure_is_0_and_uniform_is_1(measure):
    assert measure(SURE).item() == pytest.approx(0, abs=1e-6)
    assert measure(UNIFORM).item() == pytest.approx(1, abs=1e-6)


@every
def test_higher_means_more_uncertain(measure):
    scores = [measure(mixed(share)).item() for share in np.linspace(0, 1, 11)]
    assert np.all(np.diff(scores) > 0)


@every
def test_which_class_it_is_does_not_matter(measure):
    before = probabilities(3)
    order = np.random.default_rng(1).permutation(C)
    np.testing.assert_allclose(measure(before[..., order]), measure(before), atol=1e-6)


@every
def test_a_pixel_does_not_depend_on_its_neighbours(measure):
    values = probabilities(4)
    whole = measure(values)
    assert measure(values[2:3, 1:2]).item() == pytest.approx(whole[2, 1].item(), abs=1e-6)


@every
def test_it_is_pure(measure):
    values = probabilities(5)
    before = values.copy()
    first = measure(values)
    np.testing.assert_array_equal(measure(values), first)
    np.testing.assert_array_equal(values, before)
    values.setflags(write=False)
    measure(values)


@every
def test_what_is_not_finite_is_never_made_finite(measure):
    values = probabilities(6)
    values[0, 0] = np.nan
    assert np.isnan(measure(values)[0, 0])


def test_entropy_by_hand():
    values = np.zeros((1, 1, 4), np.float32)
    values[..., :2] = 0.5  # log 2 of log 4
    assert entropy(values).item() == pytest.approx(0.5, abs=1e-6)


def test_margin_by_hand():
    values = np.array([[[0.5, 0.3, 0.2]]], np.float32)
    assert margin(values).item() == pytest.approx(0.8, abs=1e-6)


def test_least_confidence_by_hand():
    values = np.array([[[0.5, 0.3, 0.2]]], np.float32)
    assert least_confidence(values).item() == pytest.approx(0.75, abs=1e-6)


def test_every_strategy_of_a_recipe_exists_and_can_say_why():
    names = set(StrategyName.__args__)
    assert names == {"random", *ACQUISITIONS} == set(REASONS)
    for name in names:
        assert QuerySettings(strategy=name).strategy == name

"""One contract for all strategies; then the scores of each, worked out by hand."""

from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.query import QuerySettings, StrategyName
from components.query.select import score_at_random, score_by_model
from components.query.strategies import STRATEGIES
from components.query.strategies.entropy import entropy
from components.query.strategies.least_confidence import least_confidence
from components.query.strategies.margin import margin
from components.query.strategies.random import draw

C = 19
IDS = [f"city_{k:06d}_000019" for k in range(8)]
MEASURES = {name: s.measure for name, s in STRATEGIES.items() if s.measure is not None}
every = pytest.mark.parametrize("name", STRATEGIES)
every_measure = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)


def probabilities(seed=0, sharpness=1.0, size=(6, 5)):
    """Random distributions, float32 [H, W, 19]; the sharper, the surer."""
    logits = np.random.default_rng(seed).normal(0, sharpness, (*size, C))
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return (odds / odds.sum(-1, keepdims=True)).astype(np.float32)


def mixed(share):
    """One pixel between sure (0) and uniform (1)."""
    return (share / C + (1 - share) * np.eye(C)[0]).astype(np.float32)[None, None]


SURE, UNIFORM = mixed(0.0), mixed(1.0)


def score(name, ids=IDS, seed=0, poison=None):
    """The candidates' scores; image k is what the model of `probabilities(k)` sees."""
    if STRATEGIES[name].measure is None:
        return score_at_random(ids, seed, cycle=1)
    records = SimpleNamespace(read=lambda image_id: SimpleNamespace(image=IDS.index(image_id)))

    def predict(image):
        values = probabilities(seed=100 * seed + image, sharpness=image + 1)
        if image == poison:
            values[0, 0] = np.nan
        return values

    return score_by_model(SimpleNamespace(probabilities=predict), records, ids, name)


def test_the_registry_holds_every_strategy_of_a_recipe_and_no_other():
    assert tuple(STRATEGIES) == get_args(StrategyName)
    for name in STRATEGIES:
        assert QuerySettings(strategy=name).strategy == name


@every
def test_a_score_is_a_finite_plain_float_in_0_to_1_with_a_reason(name):
    scored = score(name)
    assert [s.image_id for s in scored] == IDS
    for row in scored:
        assert type(row.score) is float
        assert 0 <= row.score <= 1
        assert row.reason.startswith(STRATEGIES[name].reason)
        assert row.cost == 1.0


@every
def test_scores_depend_on_the_seed_and_not_on_order_or_batches(name):
    whole = score(name)
    assert score(name) == whole
    assert score(name, IDS[::-1]) == whole
    assert score(name, IDS[:3]) + score(name, IDS[3:]) == whole
    assert [s.score for s in score(name, seed=1)] != [s.score for s in whole]


@every
def test_a_score_that_is_not_finite_raises_and_names_the_image(name):
    if STRATEGIES[name].measure is None:
        assert np.isfinite([s.score for s in score(name)]).all()
        return
    with pytest.raises(StreetloopError, match=f"{name} score of {IDS[2]} is not finite: nan"):
        score(name, poison=2)


@every_measure
def test_a_measure_returns_a_float32_map_in_0_to_1(measure):
    for sharpness in (0.01, 1.0, 30.0):
        doubt = measure(probabilities(sharpness=sharpness))
        assert doubt.shape == (6, 5)
        assert doubt.dtype == np.float32
        assert doubt.min() >= 0
        assert doubt.max() <= 1


@every_measure
def test_a_measure_is_0_where_sure_and_1_where_uniform(measure):
    assert measure(SURE).item() == pytest.approx(0, abs=1e-6)
    assert measure(UNIFORM).item() == pytest.approx(1, abs=1e-6)


@every_measure
def test_a_measure_is_higher_where_the_model_is_less_certain(measure):
    scores = [measure(mixed(share)).item() for share in np.linspace(0, 1, 11)]
    assert np.all(np.diff(scores) > 0)


@every_measure
def test_a_measure_does_not_depend_on_the_order_of_the_channels(measure):
    before = probabilities(3)
    order = np.random.default_rng(1).permutation(C)
    np.testing.assert_allclose(measure(before[..., order]), measure(before), atol=1e-6)


@every_measure
def test_a_measure_of_a_pixel_does_not_depend_on_its_neighbours(measure):
    values = probabilities(4)
    whole = measure(values)
    assert measure(values[2:3, 1:2]).item() == pytest.approx(whole[2, 1].item(), abs=1e-6)


@every_measure
def test_a_measure_is_pure(measure):
    values = probabilities(5)
    before = values.copy()
    first = measure(values)
    np.testing.assert_array_equal(measure(values), first)
    np.testing.assert_array_equal(values, before)
    values.setflags(write=False)
    measure(values)


@every_measure
def test_a_measure_never_makes_a_nan_finite(measure):
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


def test_random_by_hand():
    # printf '1:2:a' | sha256sum, its first 12 hexadecimal digits over 16^12
    assert draw("a", seed=1, cycle=2) == 0xF164BA17497D / 16**12

"""What every measure of doubt keeps to; then the values of each, worked out by hand."""

import numpy as np
import pytest

from components.query.strategies import MEASURES
from components.query.strategies.bald import mutual_information
from components.query.strategies.disagreement import divergence
from components.query.strategies.discriminator import fakeness
from components.query.strategies.entropy import entropy
from components.query.strategies.least_confidence import least_confidence
from components.query.strategies.margin import margin

C = 19
EVERY = {"entropy": entropy, **MEASURES}
every_measure = pytest.mark.parametrize("measure", EVERY.values(), ids=EVERY)


def probabilities(seed=0, sharpness=1.0, size=(6, 5)):
    """Random distributions, float32 [H, W, 19]; the sharper, the surer."""
    logits = np.random.default_rng(seed).normal(0, sharpness, (*size, C))
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return (odds / odds.sum(-1, keepdims=True)).astype(np.float32)


def mixed(share):
    """One pixel between sure (0) and uniform (1)."""
    return (share / C + (1 - share) * np.eye(C)[0]).astype(np.float32)[None, None]


SURE, UNIFORM = mixed(0.0), mixed(1.0)


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


def test_divergence_by_hand():
    """Two sure predictions of different classes contradict each other as much as is possible."""
    one, other = (
        np.eye(4, dtype=np.float32)[None, :2][:, :1],
        np.eye(4, dtype=np.float32)[None, 1:2],
    )
    assert divergence(one, other).item() == pytest.approx(1, abs=1e-6)
    assert divergence(one, one).item() == pytest.approx(0, abs=1e-6)


def test_divergence_is_small_where_both_agree_that_a_pixel_is_ambiguous():
    tie = np.array([[[0.5, 0.5, 0]]], np.float32)
    sure = np.array([[[1, 0, 0]]], np.float32)
    assert entropy(tie).item() > 0.6
    assert divergence(tie, tie).item() == pytest.approx(0, abs=1e-6)
    assert 0.2 < divergence(tie, sure).item() < 0.4


def test_fakeness_by_hand():
    """A logit of log 3 says that the pixel is real with 3 to 1."""
    logits = np.array([[0, np.log(3), -np.log(3), 1000, -1000]], np.float32)
    doubt = fakeness(logits)
    assert doubt.dtype == np.float32
    np.testing.assert_allclose(doubt, [[0.5, 0.25, 0.75, 0, 1]], atol=1e-6)


def test_mutual_information_by_hand():
    """In bits, of one (log 2): the mean of (1, 0) and (1/2, 1/2) has 0.8113, and they have 1/2 on average."""
    sure, tie, other = (np.array([[p]], np.float32) for p in ([1, 0], [0.5, 0.5], [0, 1]))
    doubt = mutual_information([sure, tie])
    assert doubt.shape == (1, 1)
    assert doubt.dtype == np.float32
    assert doubt.item() == pytest.approx(0.8113 - 0.5, abs=1e-4)
    assert mutual_information([sure, other]).item() == pytest.approx(1, abs=1e-6)
    # Two of four classes: half of what is possible.
    four = np.eye(4, dtype=np.float32)[:2, None, None]
    assert mutual_information(four).item() == pytest.approx(0.5, abs=1e-6)


def test_mutual_information_is_0_where_every_pass_says_the_same():
    for one in (probabilities(7), probabilities(8, sharpness=30.0)):
        np.testing.assert_allclose(mutual_information([one, one, one]), 0, atol=1e-6)

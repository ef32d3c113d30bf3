"""Terms: which ones there are for which views, and their weighted sum."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from components.contracts.recipe.networks import ObjectiveSettings
from components.train.objectives import losses, terms
from components.train.objectives.targets import Targets
from components.train.objectives.terms import Term
from tfds_cityscapes.labels import IGNORE_LABEL

SHAPE = (2, 4, 6)
RNG = np.random.default_rng(3)
VIEWS = ("labeled", "weak", "strong", "features")
LOGITS = {view: tf.constant(RNG.normal(size=(*SHAPE, 19)), tf.float32) for view in VIEWS}
LABELS = tf.constant(RNG.integers(0, 19, SHAPE), tf.int32)
BATCH = {
    "label": LABELS,
    "image": tf.zeros((*SHAPE, 3)),
    "weak": tf.zeros((*SHAPE, 3)),
    "padding": tf.constant(RNG.random(SHAPE) < 0.3),
}
TARGETS = Targets(LABELS, tf.ones(SHAPE))
WEIGHTS = ObjectiveSettings(
    dice=0.3, adversarial_labeled=0.4, adversarial_unlabeled=0.5, consistency=0.6
)
YES, NO = tf.constant(1.0), tf.constant(0.0)


def judge(maps: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    """Trust each pixel as far as its class 0 is likely."""
    return 10 * maps[..., :1] - 1


def test_weighted_sum_adds_each_value_times_its_weight_and_values_drops_the_weights():
    both = {"a": Term(2.0, tf.constant(3.0)), "b": Term(tf.constant(0.5), tf.constant(4.0))}
    assert float(terms.weighted_sum(both)) == 8.0
    assert {name: float(value) for name, value in terms.values(both).items()} == {"a": 3, "b": 4}


def test_weighted_sum_keeps_a_nan_of_any_weight():
    with_nan = {"a": Term(1.0, tf.constant(3.0)), "b": Term(0.0, tf.constant(float("nan")))}
    assert np.isnan(float(terms.weighted_sum(with_nan)))


@pytest.mark.parametrize("dice", [0.0, 0.3])
def test_supervised_has_a_dice_term_only_with_a_weight(dice: float):
    weights = ObjectiveSettings(supervised=0.7, dice=dice)
    built = terms.supervised(LOGITS, LABELS, None, weights)
    assert {name: term.weight for name, term in built.items()} == (
        {"supervised_loss": 0.7} | ({"dice_loss": 0.3} if dice else {})
    )
    expected = losses.supervised_loss(LOGITS["labeled"], LABELS)
    assert float(built["supervised_loss"].value) == float(expected)


def test_adversarial_judges_the_weak_view_only_if_there_is_one():
    labeled = {"labeled": LOGITS["labeled"]}
    assert set(terms.adversarial(labeled, BATCH, judge, WEIGHTS, YES)) == {"adversarial_loss"}
    built = terms.adversarial(LOGITS, BATCH, judge, WEIGHTS, YES)
    assert {name: pytest.approx(float(term.weight)) for name, term in built.items()} == {
        "adversarial_loss": 0.4,
        "adversarial_loss_unlabeled": 0.5,
        "semi_supervised_loss": 0.1,
        "trusted_share": 0.0,
    }
    late = terms.adversarial(LOGITS, BATCH, judge, WEIGHTS, NO)
    assert float(late["semi_supervised_loss"].weight) == 0
    for name in built:
        assert float(late[name].value) == float(built[name].value), name


@pytest.mark.parametrize(
    ("view", "name"),
    [("labeled", "adversarial_loss"), ("weak", "adversarial_loss_unlabeled")],
)
def test_adversarial_terms_have_no_gradient_on_pixels_that_the_discriminator_is_not_shown(
    view: str, name: str
):
    labels = tf.where(BATCH["padding"], IGNORE_LABEL, LABELS)

    def wide(maps: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        """Judge a pixel by those around it, as the real discriminator does."""
        return tf.nn.avg_pool2d(judge(maps, image), 3, 1, "SAME")

    with tf.GradientTape() as tape:
        tape.watch(LOGITS[view])
        built = terms.adversarial(LOGITS, BATCH | {"label": labels}, wide, WEIGHTS, YES)
        value = built[name].value
    size = np.abs(tape.gradient(value, LOGITS[view]).numpy()).max(-1)
    hidden = BATCH["padding"].numpy()
    assert size[hidden].max() == 0
    assert size[~hidden].min() > 0


def test_trusted_share_counts_trusted_pixels_over_all_of_them():
    built = terms.adversarial(LOGITS, BATCH, judge, WEIGHTS, YES)
    verdict = judge(tf.nn.softmax(LOGITS["weak"]), BATCH["weak"]).numpy()[..., 0]
    trusted = (1 / (1 + np.exp(-verdict)) > 0.2) & ~BATCH["padding"].numpy()
    assert 0 < trusted.mean() < 1
    assert float(built["trusted_share"].value) == pytest.approx(trusted.mean())


@pytest.mark.parametrize("started", [YES, NO])
def test_consistency_has_a_term_for_each_view_with_targets(started: tf.Tensor):
    weights = ObjectiveSettings(consistency=0.6, feature_consistency=0.2)
    both = {"strong": TARGETS, "features": TARGETS}
    built = terms.consistency(LOGITS, both, weights, started)
    assert {name: pytest.approx(float(term.weight)) for name, term in built.items()} == {
        "consistency_loss": 0.6 * float(started),
        "feature_consistency_loss": 0.2 * float(started),
    }
    for view, name in (("strong", "consistency_loss"), ("features", "feature_consistency_loss")):
        expected = losses.consistency_loss(LOGITS[view], TARGETS, 0.0)
        assert float(built[name].value) == float(expected)
        assert set(terms.consistency(LOGITS, {view: TARGETS}, weights, started)) == {name}
    assert terms.consistency(LOGITS, {}, weights, started) == {}

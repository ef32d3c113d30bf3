"""Views of a batch: which ones a term needs, one prediction of all, and features left out."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.contracts.recipe.networks import ObjectiveSettings
from components.train.networks.generator import build_generator
from components.train.networks.networks import build_networks
from components.train.objectives.views import (
    halves_of,
    make_targets,
    make_views,
    predict,
    predict_without_features,
)
from tests.support.fits import SIZE, settings_of

IMAGES = tf.constant(np.random.default_rng(5).integers(0, 256, (2, *SIZE, 3)), tf.float32)
OFF = dict.fromkeys(("adversarial_labeled", "adversarial_unlabeled", "semi_supervised"), 0.0)


def batch_of(unlabeled: bool = True) -> dict[str, tf.Tensor]:
    batch = {"image": IMAGES}
    if unlabeled:
        nothing = tf.zeros((2, *SIZE), tf.bool)
        batch |= {"weak": 0.5 * IMAGES, "strong": 0.2 * IMAGES}
        batch |= {"padding": nothing, "cutmix": nothing}
    return batch


class Teacher:
    """Predicts class 7 everywhere, and only the weak view."""

    def __call__(self, images: tf.Tensor, training: bool) -> tf.Tensor:
        assert not training
        np.testing.assert_array_equal(images, 0.5 * IMAGES)
        return tf.one_hot(tf.fill(images.shape[:3], 7), 19)


@pytest.mark.parametrize(
    ("objectives", "views", "taught"),
    [
        ({}, {"labeled"}, set()),
        ({"adversarial_labeled": 0.1}, {"labeled"}, set()),
        ({"adversarial_unlabeled": 0.1}, {"labeled", "weak"}, set()),
        ({"semi_supervised": 0.1}, {"labeled", "weak"}, set()),
        ({"consistency": 0.1}, {"labeled", "weak", "strong"}, {"strong"}),
        ({"feature_consistency": 0.1}, {"labeled", "weak"}, {"features"}),
        (
            {"semi_supervised": 0.1, "consistency": 0.1, "feature_consistency": 0.1},
            {"labeled", "weak", "strong"},
            {"strong", "features"},
        ),
    ],
)
def test_make_views_makes_those_that_a_term_needs(objectives, views, taught):
    weights = ObjectiveSettings.model_validate(OFF | objectives)
    images = make_views(batch_of(), weights)
    targets = make_targets(batch_of(), images, Teacher(), weights)
    assert (set(images), set(targets)) == (views, taught)
    for view, factor in (("labeled", 1.0), ("weak", 0.5), ("strong", 0.2)):
        if view in images:
            np.testing.assert_array_equal(images[view], factor * IMAGES)
    assert all((target.pseudo_labels.numpy() == 7).all() for target in targets.values())


def test_make_views_without_unlabeled_images_makes_the_labeled_one():
    weights = ObjectiveSettings(consistency=0.5, feature_consistency=0.5)
    images = make_views(batch_of(unlabeled=False), weights)
    targets = make_targets(batch_of(unlabeled=False), images, Teacher(), weights)
    assert (set(images), targets) == ({"labeled"}, {})


def test_predict_returns_the_logits_of_each_view():
    images = {"labeled": IMAGES, "weak": 0.5 * IMAGES[:1], "strong": 0.2 * IMAGES}
    logits = predict(lambda stacked, training: -stacked, images)
    assert set(logits) == set(images)
    for view, tensor in images.items():
        np.testing.assert_array_equal(logits[view], -tensor)


def test_predict_without_features_leaves_batch_norm_statistics_alone():
    networks = build_networks(settings_of())
    moving = [v for v in networks.generator.variables if "moving_" in v.path]
    before = [np.asarray(v).copy() for v in moving]

    def moved():
        return any(not np.array_equal(a, b) for a, b in zip(before, moving, strict=True))

    halves = halves_of(networks.generator, networks.averaged, frozen=False)
    predict_without_features(halves, IMAGES, 3, tf.constant(5))
    assert before
    assert not moved()
    networks.generator(IMAGES, training=True)
    assert moved(), "later calls move them again"


def test_predict_without_features_chooses_by_the_seed_and_the_step():
    keras.utils.set_random_seed(2)
    # Without the network's own dropout, whose state moves on with every call.
    generator = build_generator(settings_of(network={"dropout": 0.0}).network)
    halves = halves_of(generator, generator, frozen=False)

    def predicted(seed, step):
        return predict_without_features(halves, IMAGES, seed, tf.constant(step)).numpy()

    np.testing.assert_array_equal(predicted(3, 5), predicted(3, 5))
    for other in (predicted(3, 6), predicted(4, 5)):
        assert not np.array_equal(predicted(3, 5), other)

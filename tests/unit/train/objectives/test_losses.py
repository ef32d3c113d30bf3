"""Losses: perfect, worst, all ignored, by hand, and where their gradients go."""

import numpy as np
import pytest
import tensorflow as tf

from components.contracts.recipe.networks import DiscriminatorSettings
from components.train.networks.discriminator import build_discriminator, label_maps
from components.train.objectives import losses
from components.train.objectives.class_weights import log_weights
from components.train.objectives.targets import Targets, teacher_targets, trusted_pixels

CLASSES = 5
SHAPE = (2, 4, 6)
NONE = tf.fill(SHAPE, 255)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def logits(rng):
    return rng.normal(size=(*SHAPE, CLASSES)).astype(np.float32)


@pytest.fixture
def labels(rng):
    labels = rng.integers(0, CLASSES, SHAPE).astype(np.int32)
    labels[0, :2] = 255
    return labels


@pytest.fixture
def valid(labels):
    return labels != 255


@pytest.fixture
def d_logits(rng):
    return rng.normal(size=(*SHAPE, 1)).astype(np.float32)


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _picked(probabilities, labels):
    return np.take_along_axis(probabilities, labels[..., None], -1)[..., 0]


def _confident(labels, scale=100.0):
    return scale * tf.one_hot(labels, CLASSES)


def _all_losses(logits, d_logits, labels):
    """Return every loss on the same pixels, by name."""
    valid = labels != 255
    targets = Targets(labels, tf.ones(SHAPE))
    return {
        "supervised": losses.supervised_loss(logits, labels),
        "weighted": losses.supervised_loss(logits, labels, tf.fill([CLASSES], 2.0)),
        "hard": losses.supervised_loss(logits, labels, hard_share=0.3),
        "dice": losses.dice_loss(logits, labels),
        "adversarial": losses.adversarial_loss(d_logits, valid),
        "discriminator": losses.discriminator_loss(d_logits, valid, d_logits, valid),
        "semi_supervised": losses.semi_supervised_loss(
            logits, trusted_pixels(d_logits, valid, 0.0)
        ),
        "consistency": losses.consistency_loss(logits, targets, 0.0),
    }


def test_every_loss_is_zero_with_zero_gradient_where_all_is_ignored(logits, d_logits):
    logits, d_logits = tf.constant(logits), tf.constant(d_logits)
    for name in _all_losses(logits, d_logits, NONE):
        with tf.GradientTape() as tape:
            tape.watch([logits, d_logits])
            value = _all_losses(logits, d_logits, NONE)[name]
        gradients = tape.gradient(
            value, [logits, d_logits], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        assert value.numpy() == 0, name
        assert all((gradient.numpy() == 0).all() for gradient in gradients), name


def test_no_loss_depends_on_an_ignored_pixel(logits, d_logits, labels):
    other, other_d = logits.copy(), d_logits.copy()
    other[labels == 255] = 77.0
    other_d[labels == 255] = -9.0
    before = _all_losses(tf.constant(logits), tf.constant(d_logits), tf.constant(labels))
    after = _all_losses(tf.constant(other), tf.constant(other_d), tf.constant(labels))
    for name in before:
        assert before[name].numpy() == pytest.approx(after[name].numpy(), rel=1e-6), name
        assert before[name].numpy() > 0, name


def test_every_loss_is_a_float32_number_for_half_precision_logits(logits, d_logits, labels):
    halves = (tf.cast(logits, tf.float16), tf.cast(d_logits, tf.float16), tf.constant(labels))
    wholes = (tf.cast(halves[0], tf.float32), tf.cast(halves[1], tf.float32), halves[2])
    whole = _all_losses(*wholes)
    for name, value in _all_losses(*halves).items():
        assert value.dtype == tf.float32, name
        assert value.shape == (), name
        assert value.numpy() == pytest.approx(whole[name].numpy(), rel=1e-3), name


def test_every_loss_keeps_a_nan_of_a_valid_pixel(logits, d_logits, labels):
    logits[1, 0, 0], d_logits[1, 0, 0] = np.nan, np.nan
    values = _all_losses(tf.constant(logits), tf.constant(d_logits), tf.constant(labels))
    values.pop("semi_supervised")  # a NaN is not above the threshold: the pixel is not trusted
    assert all(np.isnan(value.numpy()) for value in values.values())


def test_supervised_loss_is_the_mean_negative_log_probability_of_valid_pixels(
    logits, labels, valid
):
    picked = _picked(_softmax(logits), np.where(valid, labels, 0))
    value = losses.supervised_loss(logits, labels).numpy()
    assert value == pytest.approx(-np.log(picked[valid]).mean(), rel=1e-5)


def test_supervised_loss_weighs_each_pixel_by_its_class(logits, labels, valid):
    weights = np.array([0.0, 0.5, 1.0, 2.0, 4.0], np.float32)
    picked = _picked(_softmax(logits), np.where(valid, labels, 0))
    expected = (weights[labels[valid]] * -np.log(picked[valid])).sum() / valid.sum()
    value = losses.supervised_loss(logits, labels, tf.constant(weights)).numpy()
    assert value == pytest.approx(expected, rel=1e-5)


def test_supervised_loss_of_hard_pixels_is_the_mean_of_each_images_largest(logits, labels, valid):
    weights = np.array([0.5, 0.5, 1.0, 2.0, 4.0], np.float32)
    picked = _picked(_softmax(logits), np.where(valid, labels, 0))
    each = weights[np.where(valid, labels, 0)] * -np.log(picked)
    hard = [
        np.sort(values[known])[::-1][: int(np.ceil(0.3 * known.sum()))]
        for values, known in zip(each, valid, strict=True)
    ]
    value = losses.supervised_loss(logits, labels, tf.constant(weights), 0.3).numpy()
    assert value == pytest.approx(np.concatenate(hard).mean(), rel=1e-5)


def test_losses_of_perfect_and_worst_predictions(rng):
    labels = tf.constant(rng.integers(0, CLASSES, SHAPE).astype(np.int32))
    wrong = (labels + 1) % CLASSES
    sure = Targets(labels, tf.ones(SHAPE))
    assert losses.supervised_loss(_confident(labels), labels).numpy() == 0
    assert losses.supervised_loss(_confident(wrong), labels).numpy() == pytest.approx(100)
    assert losses.dice_loss(_confident(labels), labels).numpy() == pytest.approx(0, abs=1e-6)
    assert losses.dice_loss(_confident(wrong), labels).numpy() == pytest.approx(1)
    assert losses.consistency_loss(_confident(labels), sure, 0.5).numpy() == 0
    assert losses.consistency_loss(_confident(wrong), sure, 0.5).numpy() == pytest.approx(100)
    everywhere = tf.ones(SHAPE, tf.bool)
    real, fake = tf.fill((*SHAPE, 1), 50.0), tf.fill((*SHAPE, 1), -50.0)
    assert losses.adversarial_loss(real, everywhere).numpy() == pytest.approx(0)
    assert losses.adversarial_loss(fake, everywhere).numpy() == pytest.approx(50)
    discriminator_loss = losses.discriminator_loss
    assert discriminator_loss(real, everywhere, fake, everywhere).numpy() == pytest.approx(0)
    assert discriminator_loss(fake, everywhere, real, everywhere).numpy() == pytest.approx(50)


def test_dice_loss_by_hand_over_the_classes_present(logits, labels, valid):
    labels[labels == 4] = 3  # class 4 is absent
    probabilities, scores = _softmax(logits)[valid], []
    for index in range(4):
        truth = labels[valid] == index
        p = probabilities[:, index]
        scores.append(2 * p[truth].sum() / (p.sum() + truth.sum()))
    value = losses.dice_loss(logits, labels).numpy()
    assert value == pytest.approx(1 - np.mean(scores), rel=1e-5)


def test_adversarial_and_discriminator_losses_by_hand(d_logits, valid, rng):
    fake_logits = rng.normal(size=(*SHAPE, 1)).astype(np.float32)
    real = 1 / (1 + np.exp(-d_logits[..., 0]))
    fake = 1 / (1 + np.exp(-fake_logits[..., 0]))
    everywhere = np.ones(SHAPE, bool)

    adversarial = losses.adversarial_loss(fake_logits, valid).numpy()
    assert adversarial == pytest.approx(-np.log(fake[valid]).mean(), rel=1e-5)
    value = losses.discriminator_loss(d_logits, valid, fake_logits, everywhere).numpy()
    expected = 0.5 * (-np.log(real[valid]).mean() - np.log(1 - fake).mean())
    assert value == pytest.approx(expected, rel=1e-5)


def test_discriminator_loss_of_an_undecided_discriminator_is_that_of_chance(valid):
    zeros = tf.zeros((*SHAPE, 1))
    value = losses.discriminator_loss(zeros, valid, zeros, valid).numpy()
    assert value == pytest.approx(np.log(2), rel=1e-6)


def test_discriminator_accuracy_counts_valid_pixels(d_logits, valid):
    above = (d_logits[..., 0] > 0)[valid].mean()
    accuracy = losses.discriminator_accuracy
    assert accuracy(d_logits, valid, real=True).numpy() == pytest.approx(above)
    assert accuracy(d_logits, valid, real=False).numpy() == pytest.approx(1 - above)


def test_semi_supervised_loss_trains_on_its_own_argmax_where_d_trusts_it(logits, d_logits, valid):
    trusted = trusted_pixels(d_logits, valid, 0.6).numpy()
    sigmoid = 1 / (1 + np.exp(-d_logits[..., 0]))
    np.testing.assert_array_equal(trusted, (sigmoid > 0.6) & valid)
    assert 0 < trusted.sum() < valid.sum()

    value = losses.semi_supervised_loss(logits, trusted).numpy()
    best = _softmax(logits).max(-1)
    assert value == pytest.approx(-np.log(best[trusted]).mean(), rel=1e-5)


def test_consistency_loss_sums_sure_pixels_over_all_valid_ones(logits, valid, rng):
    teacher_logits = 2 * rng.normal(size=(*SHAPE, CLASSES)).astype(np.float32)
    targets = teacher_targets(teacher_logits, valid)
    teacher = _softmax(teacher_logits)
    np.testing.assert_array_equal(
        targets.pseudo_labels.numpy(), np.where(valid, teacher.argmax(-1), 255)
    )
    np.testing.assert_allclose(targets.confidence.numpy(), teacher.max(-1), rtol=1e-5)

    sure = valid & (teacher.max(-1) >= 0.7)
    assert 0 < sure.sum() < valid.sum()
    picked = _picked(_softmax(logits), teacher.argmax(-1))
    value = losses.consistency_loss(logits, targets, 0.7).numpy()
    assert value == pytest.approx(-np.log(picked[sure]).sum() / valid.sum(), rel=1e-5)
    assert losses.consistency_loss(logits, targets, 1.1).numpy() == 0


def test_consistency_loss_has_no_gradient_for_the_teacher(logits, valid):
    teacher_logits, student_logits = tf.constant(logits), tf.constant(logits[..., ::-1])
    with tf.GradientTape() as tape:
        tape.watch([teacher_logits, student_logits])
        targets = teacher_targets(teacher_logits, valid)
        value = losses.consistency_loss(student_logits, targets, 0.0)
    teacher, student = tape.gradient(value, [teacher_logits, student_logits])
    assert teacher is None
    assert np.abs(student.numpy()).sum() > 0


def test_generator_and_discriminator_losses_reach_only_their_own_network(labels):
    """As in the step: D gets predictions without a gradient, and G's loss moves G alone."""
    d = build_discriminator(DiscriminatorSettings(base=2))
    generator_weights = tf.Variable(tf.ones((1, 32, 32, 19)) * tf.range(19, dtype=tf.float32))
    valid = tf.ones((1, 32, 32), tf.bool)
    labels = tf.zeros((1, 32, 32), tf.int32)
    with tf.GradientTape(persistent=True) as tape:
        maps = tf.nn.softmax(generator_weights)
        fake = d(maps)
        d_loss = losses.discriminator_loss(
            d(label_maps(labels)), valid, d(tf.stop_gradient(maps)), valid
        )
        g_loss = losses.adversarial_loss(fake, valid)
        semi = losses.semi_supervised_loss(generator_weights, trusted_pixels(fake, valid, 0.0))
    d_weights = d.trainable_variables
    assert tape.gradient(d_loss, generator_weights) is None
    assert all(g is not None for g in tape.gradient(d_loss, d_weights))
    assert np.abs(tape.gradient(g_loss, generator_weights).numpy()).sum() > 0
    assert np.abs(tape.gradient(semi, generator_weights).numpy()).sum() > 0
    assert all(g is None for g in tape.gradient(semi, d_weights))


def test_log_weights_average_to_one_over_the_labeled_pixels():
    counts = np.array([9000, 900, 0, 100])
    weights = log_weights(counts)
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1, rel=1e-6)
    assert weights[0] < weights[1] < weights[3]
    expected_ratio = np.log(1.02 + 0.9) / np.log(1.02 + 0.01)
    assert weights[3] / weights[0] == pytest.approx(expected_ratio, rel=1e-6)
    assert weights[2] == 1
    np.testing.assert_array_equal(log_weights(np.zeros(4)), np.ones(4))
    softer = log_weights(counts, offset=1.1)
    assert 1 < softer[3] / softer[0] < weights[3] / weights[0]

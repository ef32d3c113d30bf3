"""Steps of every kind of network and precision, run eagerly, as tracing would take longer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from components.contracts.model.files import load_generator, model_id, save_model
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.train import TrainSettings
from components.train.networks.generator import build_generator
from components.train.networks.networks import build_networks
from components.train.train_step import make_train_step
from tests.support.fits import SIZE, settings_of
from tfds_cityscapes.labels import IGNORE_LABEL

# TensorFlow 2.21's tensors do not know NumPy's `copy` argument yet; Keras meets it when it saves.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),
    pytest.mark.usefixtures("eagerly"),
]


def _batch():
    rng = np.random.default_rng(5)
    label = rng.integers(0, 19, (2, *SIZE)).astype(np.int32)
    label[:, :8] = IGNORE_LABEL
    images = {
        name: tf.constant(rng.integers(0, 256, (2, *SIZE, 3)), tf.float32)
        for name in ("image", "weak", "strong")
    }
    masks = {name: tf.constant(rng.random((2, *SIZE)) < 0.2) for name in ("padding", "cutmix")}
    return images | masks | {"label": tf.constant(label)}


def _networks(**changes):
    keras.utils.set_random_seed(2)
    settings = settings_of(**changes)
    networks = build_networks(settings)
    class_weights = np.linspace(0.5, 1.5, 19, dtype=np.float32)
    return networks, make_train_step(networks, settings, class_weights)


def _values(variables):
    return [np.asarray(variable).copy() for variable in variables]


def _moved(before, variables):
    return [not np.array_equal(a, np.asarray(b)) for a, b in zip(before, variables, strict=True)]


def _check_a_step(**changes):
    networks, step = _networks(**changes)
    models = (networks.generator, networks.discriminator)
    before = [_values(model.trainable_variables) for model in models]
    losses = step(_batch(), tf.constant(5))
    assert all(np.isfinite(float(value)) for value in losses.values()), losses
    for values, model in zip(before, models, strict=True):
        assert np.mean(_moved(values, model.trainable_variables)) > 0.9
    return networks, losses


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_step_of_every_objective_moves_both_networks_and_reports_every_term(optimizer):
    _, losses = _check_a_step(optimizer={"name": optimizer})
    assert set(losses) == {
        "supervised_loss",
        "dice_loss",
        "adversarial_loss",
        "adversarial_loss_unlabeled",
        "semi_supervised_loss",
        "trusted_share",
        "consistency_loss",
        "feature_consistency_loss",
        "total_loss",
        "gradient_norm",
        "discriminator_loss",
        "discriminator_accuracy_real",
        "discriminator_accuracy_fake",
    }


@pytest.mark.parametrize(
    "name",
    [
        "mobilenet_v2",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("resnet50", "efficientnet_v2_b0", "efficientnet_v2_s")
        ),
    ],
)
def test_step_with_an_encoder_of_keras_applications(name):
    network = {"encoder": {"name": name, "weights": "none"}, "output_stride": 4}
    _check_a_step(network=network)


def test_settings_reject_convnext_without_a_gpu():
    network = {"encoder": {"name": "convnext_tiny", "weights": "none"}}
    with pytest.raises(ValidationError, match="GPUs only"):
        TrainSettings(network=network)
    assert TrainSettings(network=network, gpus=1).gpus == 1


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_learns_about_the_same_and_saves_a_float32_model(precision, tmp_path):
    networks, losses = _check_a_step(precision=precision)
    _, expected = _check_a_step()
    for name in ("supervised_loss", "dice_loss", "adversarial_loss", "discriminator_loss"):
        assert float(losses[name]) == pytest.approx(float(expected[name]), rel=0.02)
    computed_in = {layer.compute_dtype for layer in networks.generator.layers}
    assert computed_in == {precision.removeprefix("mixed_"), "float32"}
    assert keras.config.dtype_policy().name == "float32"
    assert all(w.dtype == "float32" for w in networks.generator.trainable_variables)

    networks.average_into_candidate()
    save_model(tmp_path / "model", *networks.to_save(), recipe={}, ledger_version=0)
    loaded = load_generator(tmp_path / "model")
    judge = keras.models.load_model(tmp_path / "model" / "discriminator.keras", compile=False)
    assert {x.dtype_policy.name for m in (loaded, judge) for x in m.layers} == {"float32"}
    image = _batch()["image"]
    logits = loaded(image).numpy()
    np.testing.assert_array_equal(logits, networks.candidate(image).numpy())
    taught = networks.averaged(image, training=False).numpy()
    assert np.abs(taught - logits).max() < 0.05 * np.abs(logits).max()


def test_step_skips_gradients_that_overflow_in_float16():
    networks, step = _networks(precision="mixed_float16")
    networks.generator_optimizer.dynamic_scale.assign(3e38)
    before = _values(networks.generator.trainable_variables)
    losses = step(_batch(), tf.constant(5))
    assert not np.isfinite(float(losses.pop("gradient_norm")))
    assert all(np.isfinite(float(value)) for value in losses.values())
    assert not any(_moved(before, networks.generator.trainable_variables))
    assert networks.loss_scale() == pytest.approx(1.5e38)
    networks.generator_optimizer.dynamic_scale.assign(2.0**10)
    step(_batch(), tf.constant(6))
    assert np.mean(_moved(before, networks.generator.trainable_variables)) > 0.9


def test_saved_model_in_float32_has_the_id_of_the_average():
    networks, _ = _networks()
    networks.average_into_candidate()
    assert model_id(*networks.to_save()) == model_id(networks.averaged, networks.discriminator)
    assert networks.loss_scale() is None


def test_average_forgets_early_weights_soon_and_then_moves_by_its_decay():
    networks, _ = _networks(ema_decay=0.7)
    expected = _values(networks.averaged.weights)
    rng = np.random.default_rng(3)
    for number, decay in enumerate((0.0, 1 / 2, 2 / 3, 0.7, 0.7)):
        for weight in networks.generator.weights:
            weight.assign(rng.normal(size=weight.shape))
        networks.update_average(tf.constant(number))
        expected = [
            decay * mean + (1 - decay) * np.asarray(weight)
            for mean, weight in zip(expected, networks.generator.weights, strict=True)
        ]
        for mean, weight in zip(expected, networks.averaged.weights, strict=True):
            np.testing.assert_allclose(weight, mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("number", "on"), [(3, ()), (4, (0,)), (7, (0,)), (8, (0, 1, 2))])
def test_total_is_the_weighted_sum_of_the_terms_that_have_started(number, on):
    late = {
        "semi_supervised_loss": 0.6,
        "consistency_loss": 0.3,
        "feature_consistency_loss": 0.7,
    }
    _, step = _networks(
        steps=10,
        objectives={
            "supervised": 1.1,
            "dice": 0.4,
            "adversarial_labeled": 0.2,
            "adversarial_unlabeled": 0.05,
            "semi_supervised": 0.6,
            "semi_supervised_threshold": 0.0,
            "semi_supervised_start": 0.4,
            "consistency": 0.3,
            "feature_consistency": 0.7,
            "consistency_threshold": 0.0,
            "consistency_start": 0.8,
        },
    )
    losses = {name: float(value) for name, value in step(_batch(), tf.constant(number)).items()}
    assert all(losses[name] > 0.01 for name in late), losses
    weights = {
        "supervised_loss": 1.1,
        "dice_loss": 0.4,
        "adversarial_loss": 0.2,
        "adversarial_loss_unlabeled": 0.05,
    } | dict(item for place, item in enumerate(late.items()) if place in on)
    expected = sum(weight * losses[name] for name, weight in weights.items())
    assert losses["total_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("clip_norm", [1e6, 1e-3])
def test_gradient_norm_is_that_of_the_unscaled_and_unclipped_gradient(clip_norm, precision):
    """The first step of SGD without decay moves each weight by the rate times its gradient."""
    optimizer = {"name": "sgd", "weight_decay": 0.0, "clip_norm": clip_norm, "learning_rate": 0.1}
    networks, step = _networks(optimizer=optimizer, precision=precision)
    before = _values(networks.generator.trainable_variables)
    losses = step(_batch(), tf.constant(5))
    moves = [
        (old - np.asarray(new)) / 0.1
        for old, new in zip(before, networks.generator.trainable_variables, strict=True)
    ]
    moved = np.sqrt(sum(float((move.astype(np.float64) ** 2).sum()) for move in moves))
    norm = float(losses["gradient_norm"])
    assert norm > 0.01
    assert moved == pytest.approx(min(norm, clip_norm), rel=0.01)


def test_networks_begin_with_the_weights_they_are_given():
    start = build_generator(settings_of().network)
    networks = build_networks(settings_of(), start)
    for model in (networks.generator, networks.averaged, networks.candidate):
        for weight, given in zip(model.get_weights(), start.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, given)
    with pytest.raises(StreetloopError, match="champion's weights do not fit this recipe"):
        build_networks(settings_of(network={"decoder_width": 3}), start)


def test_step_of_feature_consistency_in_a_network_without_skips():
    _check_a_step(network={"encoder": {"name": "unet", "base": 2, "depth": 1}, "output_stride": 2})

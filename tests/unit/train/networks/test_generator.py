"""Generator and discriminator: sizes, saving, shared weights, precision."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from components.contracts.model.files import load_generator
from components.contracts.recipe.networks import DiscriminatorSettings, NetworkSettings
from components.train.networks.batch_norm import (
    FusedBatchNormalization,
    with_fused_batch_norm,
    with_plain_batch_norm,
)
from components.train.networks.discriminator import build_discriminator, label_maps
from components.train.networks.generator import build_generator, split_generator

# TensorFlow 2.21's tensors do not know NumPy's `copy` argument yet; Keras meets it when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")

TINY = {"encoder": {"name": "unet", "base": 2, "depth": 3}, "decoder_width": 4}


def _generator(**settings):
    return build_generator(NetworkSettings.model_validate(TINY | settings))


@pytest.fixture(scope="module")
def tiny():
    keras.utils.set_random_seed(1)
    return _generator()


def _images(count=2, size=(32, 64), seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 255, (count, *size, 3)).astype(np.float32)


@pytest.mark.parametrize("size", [(32, 32), (32, 96), (160, 64)])
def test_generator_accepts_every_size_divisible_by_32(tiny, size):
    logits = tiny(_images(1, size))
    assert logits.shape == (1, *size, 19)
    assert logits.dtype == tf.float32
    assert np.isfinite(logits.numpy()).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"output_stride": 1},
        {"output_stride": 4, "upsampling": "nearest"},
        {"decoder_convolution": "separable", "decoder_convolutions": 1},
        {"encoder": {"name": "unet", "base": 2, "depth": 1}, "output_stride": 4},
        {"encoder": {"name": "efficientnet_lite0", "weights": "none"}, "output_stride": 1},
        {"dropout": 0.5},
    ],
)
def test_generator_returns_logits_of_the_input_size_under_every_setting(settings):
    assert _generator(**settings)(_images()).shape == (2, 32, 64, 19)


def test_generator_loads_without_our_code_and_gives_the_same_bits(tiny, tmp_path):
    tiny.save(tmp_path / "generator.keras")
    plain = keras.models.load_model(tmp_path / "generator.keras", compile=False, safe_mode=True)
    for loaded in (plain, load_generator(tmp_path / "generator.keras")):
        np.testing.assert_array_equal(loaded(_images()).numpy(), tiny(_images()).numpy())
    assert all(type(layer).__module__.startswith("keras.") for layer in plain.layers)


def test_networks_have_the_known_parameter_counts():
    lite0 = NetworkSettings.model_validate({"encoder": {"weights": "none"}})
    assert build_generator(lite0).count_params() == 4_144_531
    unet = {"encoder": {"name": "unet"}, "output_stride": 1, "decoder_width": 16}
    assert _generator(**unet).count_params() == 1_505_651
    # Hung et al.: 4x4 kernels, 19-64-128-256-512-1, each with a bias.
    channels = [19, 64, 128, 256, 512, 1]
    expected = sum(16 * a * b + b for a, b in itertools.pairwise(channels))
    assert build_discriminator(DiscriminatorSettings()).count_params() == expected


def test_seed_determines_the_initial_weights():
    def bits(seed):
        keras.utils.set_random_seed(seed)
        return _generator()(_images()).numpy()

    np.testing.assert_array_equal(bits(5), bits(5))
    assert not np.array_equal(bits(5), bits(6))


def test_batch_norm_momentum_reaches_every_layer():
    norms = [
        layer
        for layer in _generator(bn_momentum=0.6).layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert {norm.momentum for norm in norms} == {0.6}


def test_generator_parts_share_its_weights_and_compose_to_it(tiny):
    parts = split_generator(tiny)
    features = parts.encoder(_images())
    np.testing.assert_array_equal(parts.decoder(features).numpy(), tiny(_images()).numpy())
    shared = {id(weight) for half in parts for weight in half.weights}
    assert shared == {id(weight) for weight in tiny.weights}
    dropped = [feature * 0 for feature in features]
    assert not np.array_equal(parts.decoder(dropped).numpy(), tiny(_images()).numpy())


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_logits_are_float32_in_mixed_precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        generator = _generator()
        d = build_discriminator(DiscriminatorSettings(base=2))
    finally:
        keras.config.set_dtype_policy(before)
    assert generator.get_layer("unet_s1_conv1").compute_dtype == policy.removeprefix("mixed_")
    logits = generator(_images())
    assert logits.dtype == tf.float32
    assert d(tf.nn.softmax(logits)).dtype == tf.float32


def test_dropout_is_active_in_training_only():
    generator = _generator(dropout=0.5)
    still = [generator(_images(), training=False).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*still)
    parts = split_generator(generator)
    features = parts.encoder(_images(), training=False)
    moving = [parts.decoder(features, training=True).numpy() for _ in range(2)]
    assert not np.array_equal(*moving)


def test_fused_batch_norm_trains_as_keras_does(tiny):
    """The same outputs, gradients and statistics; the round trip gives back built-in layers."""
    fused = with_fused_batch_norm(tiny)
    plain = with_plain_batch_norm(fused)
    assert any(isinstance(layer, FusedBatchNormalization) for layer in fused.layers)
    assert not any(isinstance(layer, FusedBatchNormalization) for layer in plain.layers)
    results = []
    for model in (plain, fused):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(tf.square(model(_images(), training=True)))
        results.append([value, *tape.gradient(value, model.trainable_variables), *model.weights])
    for expected, got in zip(*results, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(got),
            keras.ops.convert_to_numpy(expected),
            rtol=1e-3,
            atol=1e-5,
        )
    moved = [
        not np.array_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))
        for a, b in zip(fused.non_trainable_variables, tiny.non_trainable_variables, strict=True)
    ]
    assert all(moved)
    np.testing.assert_array_equal(
        with_plain_batch_norm(fused)(_images()).numpy(), fused(_images(), training=False).numpy()
    )


@pytest.mark.parametrize("sees_image", [False, True])
def test_discriminator_judges_every_pixel(sees_image):
    d = build_discriminator(DiscriminatorSettings(base=2, sees_image=sees_image))
    maps = label_maps(tf.zeros((2, 32, 64), tf.int32))
    images, other_images = (tf.constant(_images(seed=seed)) for seed in (0, 9))
    assert d([maps, images] if sees_image else maps).shape == (2, 32, 64, 1)
    if sees_image:
        other = d([maps, other_images]).numpy()
        assert not np.array_equal(d([maps, images]).numpy(), other)


def test_label_maps_are_one_hot_and_empty_where_ignored():
    maps = label_maps(tf.constant([[[0, 18, 255]]])).numpy()[0, 0]
    assert maps[0, 0] == maps[1, 18] == 1
    assert maps.sum(-1).tolist() == [1, 1, 0]


def test_unknown_networks_and_settings_are_rejected():
    for wrong in ({"encoder": {"name": "vgg"}}, {"output_stride": 3}, {"width": 3}):
        with pytest.raises(ValidationError):
            NetworkSettings.model_validate(wrong)

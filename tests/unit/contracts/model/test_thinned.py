"""Passes with dropout: what each leaves out, and that it is the network otherwise."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from components.contracts.model.thinned import DROPOUT, Thinned
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.networks import EncoderSettings, NetworkSettings
from components.train.frozen.head import build_head
from components.train.frozen.settings import HeadSettings
from components.train.networks.generator import build_generator

# TensorFlow 2.21's tensors do not know NumPy's `copy` argument yet; Keras meets it when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")
SMALL = EncoderSettings(name="unet", base=2, depth=2)
IMAGE = np.random.default_rng(0).uniform(0, 255, (1, 32, 64, 3)).astype(np.float32)


def network(rate: float, channels: int = 400) -> keras.Model:
    """Logits are sums of channels that are 1 everywhere: the share that was kept, times `channels`."""
    inputs = keras.Input((None, None, channels))
    kept = keras.layers.SpatialDropout2D(rate, name=DROPOUT)(inputs)
    first = keras.layers.Conv2D(2, 1, use_bias=False)
    model = keras.Model(inputs, first(kept))
    kernel = np.zeros((1, 1, channels, 2), np.float32)
    kernel[..., 0] = 1 / channels
    first.set_weights([kernel])
    return model


def generator(dropout: float) -> keras.Model:
    settings = NetworkSettings(encoder=SMALL, decoder_width=4, dropout=dropout)
    keras.utils.set_random_seed(1)
    return build_generator(settings)


def test_a_pass_leaves_out_channels_and_makes_up_for_them() -> None:
    ones = np.ones((1, 2, 3, 400), np.float32)
    thinned = Thinned(network(0.25), 50, np.random.default_rng(0))
    passes = np.stack(list(thinned.passes(ones)))
    assert passes.shape == (50, 2, 3, 2)
    np.testing.assert_allclose(passes.sum(-1), 1, atol=1e-6)
    sums = np.log(passes[..., 0] / passes[..., 1])  # of the kept channels, each 1 / 0.75 / 400
    assert (sums == sums[:, :1, :1]).all()  # a channel is left out everywhere or nowhere
    assert sums.mean() == pytest.approx(1, abs=0.02)
    # 400 draws of 1 / 0.75 with chance 0.75: a deviation of sqrt(0.75 * 0.25 / 400) / 0.75
    assert sums[:, 0, 0].std() == pytest.approx(0.0289, rel=0.3)


def test_the_passes_are_the_same_for_every_image_and_again_for_the_same_seed() -> None:
    model = network(0.5)
    first = Thinned(model, 3, np.random.default_rng(4))
    ones = np.ones((1, 1, 1, 400), np.float32)
    before = np.stack(list(first.passes(ones)))
    np.testing.assert_array_equal(np.stack(list(first.passes(ones))), before)
    again = Thinned(model, 3, np.random.default_rng(4))
    np.testing.assert_array_equal(np.stack(list(again.passes(ones))), before)
    other = Thinned(model, 3, np.random.default_rng(5))
    assert np.abs(np.stack(list(other.passes(ones))) - before).max() > 1e-4


def test_a_generator_with_nearly_no_dropout_predicts_as_it_is() -> None:
    """Features go around the dropout, and batch norm uses its averages."""
    model = generator(1e-9)
    (one, two) = Thinned(model, 2, np.random.default_rng(0)).passes(IMAGE)
    expected = keras.ops.softmax(model(IMAGE, training=False))[0]
    np.testing.assert_allclose(one, expected, atol=1e-6)
    np.testing.assert_array_equal(one, two)


def test_the_dropout_of_a_saved_generator_and_of_a_head_is_found(tmp_path) -> None:  # type: ignore[no-untyped-def]
    generator(0.5).save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras", compile=False)
    one, two = Thinned(loaded, 2, np.random.default_rng(0)).passes(IMAGE)
    assert one.shape == (32, 64, 19)
    assert np.abs(one - two).max() > 1e-5
    head = build_head(6, HeadSettings(width=8))
    one, two = Thinned(head, 2, np.random.default_rng(0)).passes(np.ones((1, 4, 5, 6), np.float32))
    assert one.shape == (4, 5, 19)
    assert np.abs(one - two).max() > 1e-5


def test_a_network_without_dropout_is_refused() -> None:
    for model in (generator(0.0), network(0.0), build_head(6, HeadSettings(dropout=0.0))):
        with pytest.raises(StreetloopError, match=r"has no dropout.* Set train.network.dropout"):
            Thinned(model, 2, np.random.default_rng(0))

"""Batch-norm statistics: from images as they are predicted, without dropout, from nothing old."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from components.train.input.data import Data
from components.train.networks.batch_norm import with_fused_batch_norm
from components.train.settle import settle
from tests.support.fits import settings_of


class Watcher:
    """A model without layers that keeps its inputs."""

    def __init__(self) -> None:
        self.batches: list[np.ndarray] = []

    def __call__(self, images: Any, training: bool) -> None:
        assert not training
        self.batches.append(np.asarray(images))


def data_of(*images: np.ndarray) -> Data:
    """Unlabeled images as a pool of training data."""
    pool: Any = [(image, None) for image in images]
    records: Any = SimpleNamespace()
    return Data(pool, None, records, [])


def noise(count: int, size: tuple[int, int] = (32, 64)) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (*size, 3), np.uint8) for _ in range(count)]


def batch_of(image: np.ndarray) -> np.ndarray:
    """Return the batch that a model with a crop of 32x64 is shown of a pool of one image."""
    model: Any = Watcher()
    settle(model, data_of(image), settings_of(batch_size=3), 0)
    (batch,) = model.batches
    return batch


def test_settle_cuts_a_larger_image_and_does_not_shrink_it() -> None:
    (image,) = noise(1, (50, 90))
    windows = np.lib.stride_tricks.sliding_window_view(image, (32, 64), (0, 1))
    for view in batch_of(image):
        assert (windows == view.transpose(2, 0, 1)).all((-3, -2, -1)).any()


def test_settle_shows_an_image_of_the_crops_size_unchanged() -> None:
    (image,) = noise(1)
    for view in batch_of(image):
        np.testing.assert_array_equal(view, image)


def test_settle_replaces_old_statistics_by_the_mean_over_the_batches() -> None:
    images = noise(4)
    image = keras.Input((None, None, 3))
    model = with_fused_batch_norm(
        keras.Model(image, keras.layers.BatchNormalization(momentum=0.99)(image))
    )
    norm = model.layers[-1]
    norm.moving_mean.assign([1e6, 1e6, 1e6])
    settle(model, data_of(*images), settings_of(batch_size=2, settle_batches=2), 0)
    # Two batches of two: each image once.
    np.testing.assert_allclose(norm.moving_mean, np.stack(images).mean((0, 1, 2)), rtol=1e-5)
    assert norm.momentum == 0.99


class DropPath(keras.layers.Layer):
    """Stochastic depth as some encoders have it: a whole image's branch is left out in training."""

    def __init__(self, **about: Any) -> None:
        super().__init__(**about)
        self.seeds = keras.random.SeedGenerator(5)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training:
            return inputs
        keep = keras.random.uniform((keras.ops.shape(inputs)[0], 1, 1, 1), seed=self.seeds)
        return inputs * keras.ops.cast(keep > 0.5, inputs.dtype)


@pytest.mark.parametrize("left_out", [keras.layers.Dropout(0.5), DropPath()])
def test_settle_leaves_nothing_out_and_computes_the_statistics_of_prediction(left_out: Any) -> None:
    images = noise(4)
    kernel = np.random.default_rng(2).normal(size=(1, 1, 3, 5)).astype(np.float32)
    results = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        image = keras.Input((None, None, 3))
        x = left_out(keras.layers.Conv2D(5, 1, use_bias=False, name="conv")(image))
        model = keras.Model(image, keras.layers.BatchNormalization(name="norm")(x))
        model.get_layer("conv").set_weights([kernel])
        model = with_fused_batch_norm(model)
        settle(model, data_of(*images), settings_of(batch_size=4, settle_batches=1), 0)
        norm = model.get_layer("norm")
        results.append((np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)))
        dropped = np.asarray(model(np.stack(images).astype(np.float32), training=True))
        shown = np.asarray(model(np.stack(images).astype(np.float32), training=False))
        assert not np.allclose(dropped, shown, atol=0.1), "in training something is left out"
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    features = np.stack(images).astype(np.float64) @ kernel[0, 0]
    np.testing.assert_allclose(results[0][0], features.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(results[0][1], features.var((0, 1, 2)), rtol=1e-4)

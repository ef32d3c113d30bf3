"""Batch-norm statistics are taken from images at the zoom at which they will be predicted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

from components.train.dev_score import _settle
from components.train.input.data import Data
from tests.support.fits import settings_of


class Pool(list):
    """Images and labels by place, as `stream.Pool` gives them."""


class Watcher:
    """A model without layers that keeps what it sees."""

    def __init__(self) -> None:
        self.layers: list[Any] = []
        self.batches: list[np.ndarray] = []

    def __call__(self, images: Any, training: bool) -> None:
        self.batches.append(np.asarray(images))


def seen(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The image of a pool of one, and the batch that a model sees of it with a crop of 32x64."""
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    records: Any = SimpleNamespace()
    pool: Any = Pool([(image, None)])
    model: Any = Watcher()
    _settle(model, Data(pool, None, records, []), settings_of(batch_size=3), 0)
    (batch,) = model.batches
    return image, batch


def test_a_larger_image_is_cut_and_not_shrunk() -> None:
    image, batch = seen((50, 90))
    windows = np.lib.stride_tricks.sliding_window_view(image, (32, 64), (0, 1))
    for view in batch:
        assert (windows == view.transpose(2, 0, 1)).all((-3, -2, -1)).any()


def test_an_image_of_the_crops_size_is_seen_as_it_is() -> None:
    image, batch = seen((32, 64))
    for view in batch:
        np.testing.assert_array_equal(view, image)


def test_nothing_is_left_of_the_statistics_that_were() -> None:
    rng = np.random.default_rng(1)
    pool: Any = Pool([(rng.integers(0, 256, (32, 64, 3), np.uint8), None) for _ in range(4)])
    records: Any = SimpleNamespace()
    image = keras.Input((None, None, 3))
    norm = keras.layers.BatchNormalization(momentum=0.99)
    model = keras.Model(image, norm(image))
    norm.moving_mean.assign([1e6, 1e6, 1e6])
    settings = settings_of(batch_size=2, settle_batches=2)
    _settle(model, Data(pool, None, records, []), settings, 0)
    mean = np.stack([image for image, _ in pool]).mean((0, 1, 2))  # two batches: each image once
    np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-5)
    assert norm.momentum == 0.99

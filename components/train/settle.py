"""Recompute the batch-norm statistics of averaged weights."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from components.contracts.recipe.train import AugmentSettings, TrainSettings
from components.train.input.augment import weak
from components.train.input.data import Data
from components.train.networks.batch_norm import statistics_only

_STREAM = 2  # of random numbers; `stream` has 0 and 1


def settle(model: keras.Model, data: Data, settings: TrainSettings, seed: int) -> None:
    """Recompute the statistics on images as they are stored and with the final weights.

    Averaged weights have never seen a batch, and moving averages lag behind in short schedules. The
    new statistics are the plain mean over the batches, with nothing of the old ones.

    Args:
      model: with fused batch normalisation (`batch_norm.with_fused_batch_norm`).
      data: all of its training images are drawn from.
      settings: of the fit.
      seed: of the choice of images.
    """
    for batch in range(settings.settle_batches):
        images = _batch(data, settings, seed, batch)
        with statistics_only(momentum=batch / (batch + 1)):
            model(tf.cast(images, tf.float32), training=False)


def _batch(data: Data, settings: TrainSettings, seed: int, batch: int) -> np.ndarray:
    """Draw labeled and unlabeled images, each once before any is drawn again: uint8 [B, H, W, 3]."""
    pools = [pool for pool in (data.labeled, data.unlabeled) if pool]
    places = [(pool, index) for pool in pools for index in range(len(pool))]
    order = np.random.default_rng([seed, _STREAM]).permutation(len(places))
    images = []
    for row in range(settings.batch_size):
        pool, index = places[order[(batch * settings.batch_size + row) % len(places)]]
        image = pool[index][0]
        # Not zoomed, as at prediction: an image's zoom 1 is the one that fills the crop.
        own = max(1.0, min(n / c for n, c in zip(image.shape[:2], settings.crop, strict=True)))
        plain = AugmentSettings(scale=(own, own), flip=False)
        rng = np.random.default_rng([seed, _STREAM, batch, row])
        images.append(weak(image, None, settings.crop, plain, rng)[0])
    return np.stack(images)

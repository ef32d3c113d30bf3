"""Fit a head on the features of labeled images, and predict with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.train.frozen.features import Features
from components.train.frozen.head import build_head
from components.train.frozen.settings import HeadSettings
from components.train.input.order import epoch_of, weights
from components.train.objectives.class_weights import log_weights
from tfds_cityscapes.labels import NUM_CLASSES


def fit_head(
    features: Features,
    labels: Mapping[str, np.ndarray],
    settings: HeadSettings,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> keras.Model:
    """Fit a head from scratch; the same seed begins with the same weights.

    Args:
      features: of the labeled images, among others.
      labels: `labels.shares` of each labeled image.
      settings: of the fit.
      seed: of the weights, the order of the images, flips and dropout.
      progress: called with the number of steps done.

    Returns:
      The head after the last step: nothing is chosen by labels outside the budget.
    """
    keras.utils.set_random_seed(seed)
    _, width, channels = features.shape
    head = build_head(channels, settings)
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings.weight_decay)
    optimizer.build(head.trainable_variables)
    step = _step(head, optimizer, _class_weights(labels, settings))
    crop = max(1, round(settings.crop * width))
    rng = np.random.default_rng(seed)
    columns = {i: np.flatnonzero(label.any((0, 2))) for i, label in labels.items()}
    order = _order(labels, settings.steps * settings.batch_size, rng)
    for number in range(settings.steps):
        batch = order[number * settings.batch_size :][: settings.batch_size]
        left = int(rng.integers(0, width - crop + 1))
        starts = [_towards(columns[i], left, crop, width, rng) for i in batch]
        windows = [np.s_[:, start : start + crop] for start in starts]
        whole = features.read(batch)
        maps = np.stack([image[w] for image, w in zip(whole, windows, strict=True)])
        truth = np.stack([labels[i][w] for i, w in zip(batch, windows, strict=True)])
        for row in np.flatnonzero(rng.random(len(batch)) < 0.5):
            maps[row], truth[row] = maps[row, :, ::-1].copy(), truth[row, :, ::-1].copy()
        step(tf.constant(maps), tf.constant(truth))
        progress(number + 1)
    return head


def _class_weights(labels: Mapping[str, np.ndarray], settings: HeadSettings) -> np.ndarray:
    """Return how much each class counts, float32 [19]: from the labels that the head learns from."""
    if settings.class_weights_offset is None:
        return np.ones(NUM_CLASSES, np.float32)
    areas = sum(label.sum((0, 1), dtype=np.float64) for label in labels.values())
    return log_weights(np.asarray(areas), settings.class_weights_offset)


def _order(labels: Mapping[str, np.ndarray], length: int, rng: np.random.Generator) -> list[str]:
    """Return images in random order, each as often as its labeled area says."""
    ids, order = sorted(labels), list[str]()
    drawn = weights(np.array([labels[i].mean((0, 1), dtype=np.float64).sum() for i in ids]))
    while len(order) < length:
        order += [ids[i] for i in epoch_of(drawn, rng)]
    return order[:length]


def _towards(
    labeled: np.ndarray, left: int, crop: int, width: int, rng: np.random.Generator
) -> int:
    """Return where the crop of an image begins: at `left`, or around a label if it holds none there.

    Where only regions are labeled, many crops would teach nothing.

    Args:
      labeled: the columns of the image that hold a label.
      left: the first column of the crop.
      crop: its width.
      width: of the features.
      rng: draws only if the crop moves.
    """
    if not len(labeled) or ((labeled >= left) & (labeled < left + crop)).any():
        return left
    column = int(rng.choice(labeled))
    return int(rng.integers(max(0, column - crop + 1), min(column, width - crop) + 1))


def _step(head: keras.Model, optimizer: keras.optimizers.Optimizer, weights: np.ndarray) -> Any:
    @tf.function(reduce_retracing=True)
    def step(maps: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
        truth = tf.cast(truth, tf.float32)
        with tf.GradientTape() as tape:
            logits = head(tf.cast(maps, tf.float32), training=True)
            # A cell counts as much as the share of it that is labeled.
            cross_entropy = -tf.reduce_sum(weights * truth * tf.nn.log_softmax(logits), -1)
            loss = tf.reduce_sum(cross_entropy) / tf.maximum(tf.reduce_sum(truth), 1.0)
        optimizer.apply(tape.gradient(loss, head.trainable_variables))
        return loss

    return step


class HeadPredictor:
    """Predictions of a fitted head.

    Attributes:
      head: the network.
    """

    def __init__(self, head: keras.Model) -> None:
        self.head = head
        self._logits = tf.function(
            lambda maps: head(tf.cast(maps, tf.float32), training=False), reduce_retracing=True
        )

    def probabilities(self, maps: np.ndarray) -> np.ndarray:
        """Predict features [B, h, w, C]: float32 [B, h, w, 19] of the same cells."""
        probabilities: np.ndarray = tf.nn.softmax(self._logits(tf.constant(maps))).numpy()
        return probabilities

    def classes(self, maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Predict the train ids of one image at a size, from its features [h, w, C]: uint8 [H, W]."""
        logits = tf.image.resize(self._logits(tf.constant(maps[None])), size)
        classes: np.ndarray = tf.argmax(logits[0], -1).numpy().astype(np.uint8)
        return classes

"""Feed every step its training images with tf.data, as a pure function of the seed and the step.

A fit that is interrupted at step n therefore resumes with the images that it would have seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from components.contracts.data.records import Records, decode_image, decode_mask
from components.contracts.recipe.train import TrainSettings
from components.train.input.augment import cutmix_box, strong, weak
from components.train.input.memory import Budget
from tfds_cityscapes.labels import NUM_CLASSES

_LABELED, _UNLABELED = 0, 1  # streams; part of each generator's seed


class Pool:
    """Decoded images of a folder of records, kept in memory as long as they fit.

    Attributes:
      budget: the bytes that decoded images may take; pools may share it. An image that does not fit
        is read each time that it is drawn.
    """

    def __init__(self, records: Records, ids: Sequence[str], budget: Budget) -> None:
        self.records, self.ids, self.budget = records, sorted(ids), budget
        self._kept: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the image, uint8 [h, w, 3], and its train ids, uint8 [h, w], or None without any."""
        image_id = self.ids[index]
        if image_id not in self._kept:
            image, label = self.records.encoded(image_id)
            pair = decode_image(image), None if label is None else decode_mask(label)
            size = sum(part.nbytes for part in pair if part is not None)
            if not self.budget.take(size):
                return pair
            self._kept[image_id] = pair
        return self._kept[image_id]

    def pixel_counts(self) -> np.ndarray:
        """Count the labeled pixels of each class over all images: int64 [19]."""
        counts = np.zeros(NUM_CLASSES, np.int64)
        for index in range(len(self)):
            label = self[index][1]
            if label is not None:
                counts += np.bincount(label.ravel(), minlength=256)[:NUM_CLASSES]
        return counts


def batch_indices(seed: int, stream: int, step: int, batch: int, total: int) -> list[int]:
    """Return the images that `step` sees: every epoch is a new seeded order of all of them."""
    out = []
    for place in range(step * batch, (step + 1) * batch):
        epoch, k = divmod(place, total)
        out.append(int(np.random.default_rng([seed, stream, epoch]).permutation(total)[k]))
    return out


def batches(
    labeled: Pool, unlabeled: Pool | None, settings: TrainSettings, seed: int, first: int
) -> tf.data.Dataset:
    """Return the batches of steps first, first + 1, … up to `settings.steps`.

    Returns:
      A data set of dictionaries: `image` float32 [B, H, W, 3] in [0, 255] and `label` int32
      [B, H, W] (255 = ignore); with unlabeled images also `weak` and `strong` float32
      [U, H, W, 3], `padding` bool [U, H, W] and `cutmix` bool [U, H, W].
    """
    height, width = settings.crop
    shapes: dict[str, tuple[Any, ...]] = {
        "image": (tf.uint8, settings.batch_size, height, width, 3),
        "label": (tf.uint8, settings.batch_size, height, width),
    }
    if unlabeled is not None:
        count = settings.unlabeled_batch_size
        shapes |= {
            "weak": (tf.uint8, count, height, width, 3),
            "strong": (tf.uint8, count, height, width, 3),
            "padding": (tf.bool, count, height, width),
            "cutmix": (tf.bool, count, height, width),
        }

    def load(step: np.ndarray) -> list[np.ndarray]:
        batch = _labeled_batch(labeled, settings, seed, int(step))
        if unlabeled is not None:
            batch |= _unlabeled_batch(unlabeled, settings, seed, int(step))
        return [batch[name] for name in shapes]

    @tf.autograph.experimental.do_not_convert
    def shaped(step: tf.Tensor) -> dict[str, tf.Tensor]:
        loaded = tf.numpy_function(load, [step], [kind for kind, *_ in shapes.values()])
        out = {}
        for (name, (_, *shape)), tensor in zip(shapes.items(), loaded, strict=True):
            tensor = tf.ensure_shape(tensor, shape)
            if name in ("image", "weak", "strong"):
                tensor = tf.cast(tensor, tf.float32)
            out[name] = tf.cast(tensor, tf.int32) if name == "label" else tensor
        return out

    steps = tf.data.Dataset.range(first, settings.steps)
    return steps.map(shaped, num_parallel_calls=2, deterministic=True).prefetch(2)


def _labeled_batch(
    pool: Pool, settings: TrainSettings, seed: int, step: int
) -> dict[str, np.ndarray]:
    images, labels = [], []
    indices = batch_indices(seed, _LABELED, step, settings.batch_size, len(pool))
    for place, index in enumerate(indices):
        rng = np.random.default_rng([seed, _LABELED, step, place])
        image, label = weak(*pool[index], settings.crop, settings.augment, rng)
        if rng.random() < settings.augment.labeled_strong_share:
            image = strong(image, settings.augment, rng)
        images.append(image)
        labels.append(label)
    return {"image": np.stack(images), "label": np.stack(labels)}


def _unlabeled_batch(
    pool: Pool, settings: TrainSettings, seed: int, step: int
) -> dict[str, np.ndarray]:
    rows: dict[str, list[np.ndarray]] = {"weak": [], "strong": [], "padding": [], "cutmix": []}
    indices = batch_indices(seed, _UNLABELED, step, settings.unlabeled_batch_size, len(pool))
    for place, index in enumerate(indices):
        rng = np.random.default_rng([seed, _UNLABELED, step, place])
        image, inside = weak(pool[index][0], None, settings.crop, settings.augment, rng)
        rows["weak"].append(image)
        rows["strong"].append(strong(image, settings.augment, rng))
        rows["padding"].append(inside != 0)
        rows["cutmix"].append(cutmix_box(settings.crop, settings.augment, rng))
    return {name: np.stack(values) for name, values in rows.items()}

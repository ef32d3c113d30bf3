"""Feed every step its training images with tf.data, as a pure function of the seed and the step.

A fit that is interrupted at step n therefore resumes with the images that it would have seen.
"""

from __future__ import annotations

import functools
import operator
import threading
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from components.contracts.data.records import Records, decode_image, decode_mask
from components.contracts.process.cpus import usable_cpus
from components.contracts.recipe.train import TrainSettings
from components.train.input.aim import labeled_pixel, rare_pixel, rarity
from components.train.input.augment import cutmix_box, strong, weak
from components.train.input.memory import Budget
from components.train.input.order import Order, weights
from tfds_cityscapes.labels import IGNORE_LABEL, NUM_CLASSES

_LABELED, _UNLABELED = 0, 1  # streams; part of each generator's seed


class Pool:
    """Decoded images of a folder of records, kept in memory as long as they fit.

    Attributes:
      budget: the bytes that decoded images may take; pools may share it. An image that does not fit
        is read each time that it is drawn.
    """

    def __init__(self, records: Records, ids: Sequence[str], budget: Budget) -> None:
        self.records, self.ids, self.budget = records, sorted(ids), budget
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the image, uint8 [h, w, 3], and its train ids, uint8 [h, w], or None without any."""
        image_id = self.ids[index]
        if (kept := self._kept.get(image_id)) is not None:
            return kept
        image, label = self.records.encoded(image_id)
        pair = decode_image(image), None if label is None else decode_mask(label)
        size = sum(part.nbytes for part in pair if part is not None)
        with self._lock:  # two threads may have read the same image: it is paid for once
            if image_id not in self._kept and self.budget.take(size):
                self._kept[image_id] = pair
        return pair

    def pixel_counts(self) -> np.ndarray:
        """Count the labeled pixels of each class over all images: int64 [19]."""
        return self._counted[0]

    @functools.cached_property
    def rarity(self) -> np.ndarray:
        """How often each class is aimed at (`aim.rarity`): float64 [19]."""
        return rarity(self.pixel_counts())

    @functools.cached_property
    def weights(self) -> np.ndarray:
        """How often each image is drawn (`order.weights`): float64 [N]."""
        return weights(self._counted[1])

    @functools.cached_property
    def _counted(self) -> tuple[np.ndarray, np.ndarray]:
        """The labeled pixels of each class over all images, [19], and the labeled share of each, [N]."""
        counts, shares = np.zeros(NUM_CLASSES, np.int64), np.zeros(len(self))
        for index in range(len(self)):
            label = self[index][1]
            if label is not None:
                here = np.bincount(label.ravel(), minlength=256)[:NUM_CLASSES]
                counts += here
                shares[index] = here.sum() / label.size
        return counts, shares


def batches(
    labeled: Pool, unlabeled: Pool | None, settings: TrainSettings, seed: int, first: int
) -> tf.data.Dataset:
    """Return the batches of steps first, first + 1, … up to `settings.steps`.

    Every image is a job of its own, and as many run at once as there are processors.

    Returns:
      A data set of dictionaries: `image` float32 [B, H, W, 3] in [0, 255] and `label` int32
      [B, H, W] (255 = ignore); with unlabeled images also `weak` and `strong` float32
      [U, H, W, 3], `padding` bool [U, H, W] and `cutmix` bool [U, H, W].
    """

    order = Order(labeled.weights, seed, _LABELED)

    def one_labeled(step: np.ndarray, place: np.ndarray) -> list[np.ndarray]:
        index = order.batch(int(step), settings.batch_size)[place]
        rng = np.random.default_rng([seed, _LABELED, int(step), int(place)])
        return _labeled(labeled, index, settings, rng)

    shapes = {"image": (tf.uint8, (*settings.crop, 3)), "label": (tf.uint8, settings.crop)}
    out = _images(one_labeled, shapes, settings.batch_size, settings.steps, first)
    if unlabeled is not None:
        pool, count = unlabeled, settings.unlabeled_batch_size
        even = Order(np.ones(len(pool)), seed, _UNLABELED)

        def one_unlabeled(step: np.ndarray, place: np.ndarray) -> list[np.ndarray]:
            index = even.batch(int(step), count)[place]
            rng = np.random.default_rng([seed, _UNLABELED, int(step), int(place)])
            return _unlabeled(pool, index, settings, rng)

        shapes = dict.fromkeys(("weak", "strong"), (tf.uint8, (*settings.crop, 3)))
        shapes |= dict.fromkeys(("padding", "cutmix"), (tf.bool, settings.crop))
        more = _images(one_unlabeled, shapes, count, settings.steps, first)
        out = tf.data.Dataset.zip(out, more).map(operator.or_)
    return out.prefetch(2)


def _images(
    load: Callable[[np.ndarray, np.ndarray], list[np.ndarray]],
    shapes: dict[str, tuple[tf.DType, tuple[int, ...]]],
    count: int,
    steps: int,
    first: int,
) -> tf.data.Dataset:
    """Return the batches of `count` images that `load` makes from (step, place in the batch)."""

    @tf.autograph.experimental.do_not_convert
    def shaped(number: tf.Tensor) -> dict[str, tf.Tensor]:
        place = number // count, number % count
        loaded = tf.numpy_function(load, place, [kind for kind, _ in shapes.values()])
        return {
            name: tf.ensure_shape(tensor, shape)
            for (name, (_, shape)), tensor in zip(shapes.items(), loaded, strict=True)
        }

    @tf.autograph.experimental.do_not_convert
    def typed(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        kinds = {"image": tf.float32, "weak": tf.float32, "strong": tf.float32, "label": tf.int32}
        return {name: tf.cast(value, kinds.get(name, value.dtype)) for name, value in batch.items()}

    numbers = tf.data.Dataset.range(first * count, steps * count)
    images = numbers.map(shaped, num_parallel_calls=usable_cpus(), deterministic=True)
    return images.batch(count, drop_remainder=True).map(typed)


def _labeled(
    pool: Pool, index: int, settings: TrainSettings, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return an image of a batch and its labels."""
    whole, known = pool[index]
    inside = None
    # Nothing is drawn if the share is 0: fits without it draw the same numbers as before it existed.
    share = settings.augment.rare_crop_share
    if share and known is not None and rng.random() < share:
        inside = rare_pixel(known, pool.rarity, rng)
    image, label = weak(whole, known, settings.crop, settings.augment, rng, inside)
    if known is not None and (label == IGNORE_LABEL).all():
        # Where only regions are labeled, or little is, most crops would teach nothing.
        inside = labeled_pixel(known, rng)
        if inside is not None:
            image, label = weak(whole, known, settings.crop, settings.augment, rng, inside)
    if rng.random() < settings.augment.labeled_strong_share:
        image = strong(image, settings.augment, rng)
    return [image, label]


def _unlabeled(
    pool: Pool, index: int, settings: TrainSettings, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return the weak and the strong view of an image, its padding, and what CutMix pastes over."""
    image, inside = weak(pool[index][0], None, settings.crop, settings.augment, rng)
    changed = strong(image, settings.augment, rng)
    return [image, changed, inside != 0, cutmix_box(settings.crop, settings.augment, rng)]

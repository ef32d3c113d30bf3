"""A generator at work on whole images: probabilities, and scores at the labels' native size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from components.contracts.data.records import Record, Records
from components.contracts.model.files import pad_to_multiple
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.scores.confusion import confusion_matrix
from tfds_cityscapes.labels import NUM_CLASSES

# Views, windows and images of one size go through the generator together, as many as hold this
# many pixels. On two cores the demo's generator took 16 ms of processor time an image of 96x192 in
# fours and 21 ms alone, but 164 ms an image of 384x480 alone and 193 ms in pairs: its layers
# outgrow the cache. A GPU wants large batches; that number has not been measured.
PIXELS_AT_ONCE = {"CPU": 80_000, "GPU": 2**21}


class Predictor:
    """Predicts class probabilities, by averaging over the views that the settings name."""

    def __init__(self, generator: Any, settings: InferenceSettings | None = None) -> None:
        self._generator = generator
        self._settings = settings or InferenceSettings()
        self._traced: dict[tuple[int, int], Any] = {}  # by size: street scenes have few

    def probabilities(self, image: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
        """Predicts one image.

        Args:
          image: uint8 [h, w, 3], RGB, any size.
          size: height and width of the result; None for the image's own.

        Returns:
          float32 [H, W, 19]; each pixel sums to 1.
        """
        return self.batch(image[None], size)[0]

    def batch(self, images: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
        """Predicts images of one size together; each as `probabilities` would.

        Args:
          images: uint8 [B, h, w, 3], RGB.
          size: height and width of the results; None for the images' own.

        Returns:
          float32 [B, H, W, 19]; each pixel sums to 1.
        """
        import tensorflow as tf

        stored = images.shape[1:3]
        size = size or stored
        total = np.zeros((len(images), *size, NUM_CLASSES), np.float32)
        for scale in self._settings.scales:
            view = tf.cast(images, tf.float32)
            if scale != 1.0:
                view = tf.image.resize(view, [round(n * scale) for n in stored])
            views = [view, view[:, :, ::-1]] if self._settings.flip else [view]
            first, *mirrored = tf.split(self._whole_or_windows(tf.concat(views, 0)), len(views))
            # Resizing is linear: what is added first needs to be resized once.
            seen = first + mirrored[0][:, :, ::-1] if mirrored else first
            total += tf.image.resize(seen, size).numpy()
        return total / total.sum(-1, keepdims=True)

    def _whole_or_windows(self, views: Any) -> Any:
        """Probabilities of views [N, h, w, 3]: [N, h, w, 19]."""
        import tensorflow as tf

        number, height, width = views.shape[:3]
        window = self._settings.window
        if window is None or (height <= window[0] and width <= window[1]):
            return self._forward(views)
        corners = [
            (top, left)
            for top in _starts(height, window[0], self._settings.overlap)
            for left in _starts(width, window[1], self._settings.overlap)
        ]
        parts = [np.s_[:, y : y + window[0], x : x + window[1]] for y, x in corners]
        total = np.zeros((number, height, width, NUM_CLASSES), np.float32)
        times = np.zeros((1, height, width, 1), np.float32)
        found = self._forward(tf.concat([views[part] for part in parts], 0))
        for part, seen in zip(parts, tf.split(found, len(parts)), strict=True):
            total[part] += seen.numpy()
            times[part] += 1
        return tf.constant(total / times)

    def _forward(self, views: Any) -> Any:
        """Probabilities of [N, h, w, 3], a few at a time: [N, h, w, 19]."""
        import tensorflow as tf

        height, width = views.shape[1:3]
        padded = pad_to_multiple(views, 32)
        few = at_once(padded.shape[1] * padded.shape[2])
        network = self._network(padded.shape[1:3])
        parts = [network(padded[i : i + few]) for i in range(0, len(padded), few)]
        return tf.concat(parts, 0)[:, :height, :width]

    def _network(self, size: tuple[int, int]) -> Any:
        """The generator, traced once for each size and for any number of images."""
        import tensorflow as tf

        if size not in self._traced:
            self._traced[size] = tf.function(
                lambda images: tf.nn.softmax(self._generator(images, training=False)),
                input_signature=[tf.TensorSpec([None, *size, 3], tf.float32)],
                autograph=False,
            )
        return self._traced[size]


def at_once(pixels: int) -> int:
    """How many images of so many pixels go through the generator together; at least one."""
    import tensorflow as tf

    device = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return max(1, PIXELS_AT_ONCE[device] // max(1, pixels))


def _starts(length: int, window: int, overlap: float) -> list[int]:
    """Where windows begin: evenly, the last one ending at the border."""
    if length <= window:
        return [0]
    stride = max(1, round(window * (1 - overlap)))
    count = -(-(length - window) // stride) + 1
    return [round(i * (length - window) / (count - 1)) for i in range(count)]


def predictions(
    predictor: Predictor, records: Records, ids: Sequence[str]
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Predicts labeled records in order; neighbours of equal size together, where that is faster.

    Yields:
      image id, image uint8 [h, w, 3] (stored size), truth uint8 [H, W] (train ids, native size),
      probabilities float32 [H, W, 19] at the truth's size. The truth is never resized.
    """
    for group in _groups(records, ids):
        images = np.stack([record.image for record in group])
        found = predictor.batch(images, _label(group[0]).shape)
        for record, probabilities in zip(group, found, strict=True):
            yield record.image_id, record.image, _label(record), probabilities


def _groups(records: Records, ids: Sequence[str]) -> Iterator[list[Record]]:
    """Records in order, in runs of equal sizes, each as long as `at_once` allows."""
    group: list[Record] = []
    for image_id in ids:
        record = records.read(image_id)
        sizes = record.image.shape, _label(record).shape
        if group and sizes != (group[0].image.shape, _label(group[0]).shape):
            yield group
            group = []
        group.append(record)
        if len(group) >= at_once(max(record.image[..., 0].size, _label(record).size)):
            yield group
            group = []
    if group:
        yield group


def _label(record: Record) -> np.ndarray:
    assert record.label is not None  # only ids of dev, val and test come here
    return record.label


def score(
    predictor: Predictor,
    records: Records,
    ids: Sequence[str],
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Sums the confusion matrix over labeled records: int64 [19, 19], rows = truth."""
    total = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    for done, (_, _, truth, probabilities) in enumerate(predictions(predictor, records, ids), 1):
        total += confusion_matrix(truth, probabilities.argmax(-1).astype(np.uint8))
        progress(done)
    return total

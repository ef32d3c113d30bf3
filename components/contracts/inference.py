"""A generator at work on whole images: probabilities, and scores at the labels' native size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from components.contracts.confusion import confusion_matrix
from components.contracts.inference_settings import InferenceSettings
from components.contracts.model_io import pad_to_multiple
from components.contracts.records import Records
from tfds_cityscapes.labels import NUM_CLASSES


class Predictor:
    """Predicts class probabilities, by averaging over the views that the settings name."""

    def __init__(self, generator: Any, settings: InferenceSettings | None = None) -> None:
        import tensorflow as tf

        self._settings = settings or InferenceSettings()
        # Traced anew for each image size; street scenes have few.
        self._forward = tf.function(
            lambda images: tf.nn.softmax(generator(images, training=False)), autograph=False
        )

    def probabilities(self, image: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
        """Predicts one image.

        Args:
          image: uint8 [h, w, 3], RGB, any size.
          size: height and width of the result; None for the image's own.

        Returns:
          float32 [H, W, 19]; each pixel sums to 1.
        """
        import tensorflow as tf

        size = size or image.shape[:2]
        total = np.zeros((*size, NUM_CLASSES), np.float32)
        for scale in self._settings.scales:
            view = tf.cast(image, tf.float32)
            if scale != 1.0:
                view = tf.image.resize(view, [round(n * scale) for n in image.shape[:2]])
            for mirrored in (False, True) if self._settings.flip else (False,):
                seen = self._whole_or_windows(view[:, ::-1] if mirrored else view)
                seen = seen[:, ::-1] if mirrored else seen
                total += tf.image.resize(seen, size).numpy()
        return total / total.sum(-1, keepdims=True)

    def _whole_or_windows(self, view: Any) -> Any:
        """Probabilities of one view, [h, w, 19]."""
        import tensorflow as tf

        height, width = view.shape[:2]
        window = self._settings.window
        if window is None or (height <= window[0] and width <= window[1]):
            return self._padded(view)
        total = np.zeros((height, width, NUM_CLASSES), np.float32)
        seen = np.zeros((height, width, 1), np.float32)
        for top in _starts(height, window[0], self._settings.overlap):
            for left in _starts(width, window[1], self._settings.overlap):
                part = np.s_[top : top + window[0], left : left + window[1]]
                total[part] += self._padded(view[part]).numpy()
                seen[part] += 1
        return tf.constant(total / seen)

    def _padded(self, view: Any) -> Any:
        height, width = view.shape[:2]
        return self._forward(pad_to_multiple(view, 32)[None])[0, :height, :width]


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
    """Predicts labeled records, one at a time.

    Yields:
      image id, image uint8 [h, w, 3] (stored size), truth uint8 [H, W] (train ids, native size),
      probabilities float32 [H, W, 19] at the truth's size. The truth is never resized.
    """
    for image_id in ids:
        record = records.read(image_id)
        assert record.label is not None  # only ids of dev, val and test come here
        yield (
            image_id,
            record.image,
            record.label,
            predictor.probabilities(record.image, record.label.shape),
        )


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

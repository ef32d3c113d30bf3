"""The confusion matrix from which every score is computed."""

from __future__ import annotations

import numpy as np

from components.contracts.process.errors import StreetloopError
from tfds_cityscapes.labels import IGNORE_LABEL, NUM_CLASSES


class LabelMapError(StreetloopError):
    """A label map cannot be scored because its shape or its ids are wrong."""


def confusion_matrix(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Count the pixels of each pair of classes, except those whose truth is 255.

    Args:
      truth: integer train ids of any shape, 0..18 or 255 (ignore).
      prediction: integer train ids of the same shape, 0..18 where the truth is not 255, and
        anything elsewhere.

    Returns:
      int64 [19, 19]; rows are the truth, columns the prediction. Matrices of several images add up.

    Raises:
      LabelMapError: the shapes differ, or a scored pixel has an id outside 0..18.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.shape != prediction.shape:
        raise LabelMapError(
            f"Prediction has shape {prediction.shape}, but its labels have {truth.shape}. Resize "
            "the logits to the label's size, never the label."
        )
    scored = truth != IGNORE_LABEL
    rows = truth[scored].astype(np.int64)
    columns = prediction[scored].astype(np.int64)
    _reject_other_ids(rows, "labels", f"0 to {NUM_CLASSES - 1}, or {IGNORE_LABEL} = ignore")
    _reject_other_ids(columns, "prediction", f"0 to {NUM_CLASSES - 1}")
    counts = np.bincount(rows * NUM_CLASSES + columns, minlength=NUM_CLASSES**2)
    return counts.reshape(NUM_CLASSES, NUM_CLASSES)


def _reject_other_ids(ids: np.ndarray, which: str, allowed: str) -> None:
    if ids.size and (ids.min() < 0 or ids.max() >= NUM_CLASSES):
        wrong = np.unique(ids[(ids < 0) | (ids >= NUM_CLASSES)])[:10].tolist()
        raise LabelMapError(
            f"Not a train id in the {which}: {wrong}. Expected {allowed}. Convert label ids with "
            "tfds_cityscapes.labels.to_train_ids."
        )

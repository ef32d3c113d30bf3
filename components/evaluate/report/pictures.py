"""Draw where a prediction is wrong."""

from __future__ import annotations

import cv2
import numpy as np

from tfds_cityscapes.labels import IGNORE_LABEL, NUM_CLASSES

_WRONG = np.array([214, 39, 40], np.uint8)  # RGB
_RIGHT = np.array([226, 232, 240], np.uint8)
_UNSCORED = np.array([120, 130, 145], np.uint8)


def error_map(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Paint wrong pixels red, right ones light and ignored ones gray.

    Args:
      truth, prediction: train ids [H, W], 0..18 or 255; predicting 255 on a scored pixel is wrong.

    Returns:
      uint8 [H, W, 3], RGB.
    """
    wrong = (truth != prediction)[..., None]
    scored = (truth != IGNORE_LABEL)[..., None]
    return np.where(scored, np.where(wrong, _WRONG, _RIGHT), _UNSCORED)


def mixed_up(truth: np.ndarray, prediction: np.ndarray, row: int, column: int) -> np.ndarray:
    """Return where class `row` was taken for class `column`: bool [H, W].

    Args:
      truth, prediction: train ids [H, W], 0..18 or 255.
      row: the true class, 0..18.
      column: the predicted class, 0..18; 19 is a class that is not scored (255).
    """
    return (truth == row) & (prediction == (IGNORE_LABEL if column == NUM_CLASSES else column))


def highlight(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Paint `mask` (bool [H, W]) red on a pale copy of a picture uint8 [H, W, 3]."""
    pale = cv2.addWeighted(picture, 0.35, np.full_like(picture, 255), 0.65, 0)
    return np.where(mask[..., None], _WRONG, pale)


def busiest(mask: np.ndarray) -> tuple[slice, slice]:
    """Return rows and columns of the window with the most pixels of `mask` (bool [H, W]).

    It is half as high and as wide as the picture.
    """
    height, width = (max(1, round(n / 2)) for n in mask.shape)
    sums = cv2.integral(mask.astype(np.uint8))  # [H + 1, W + 1]
    inside = sums[height:, width:] - sums[:-height, width:]
    inside += sums[:-height, :-width] - sums[height:, :-width]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)

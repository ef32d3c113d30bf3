"""Draw label maps over images, and where a prediction is wrong."""

from __future__ import annotations

import cv2
import numpy as np

from components.contracts.process.errors import StreetloopError
from tfds_cityscapes.labels import IGNORE_LABEL, NUM_CLASSES, colorize

_WRONG = np.array([214, 39, 40], np.uint8)  # RGB
_RIGHT = np.array([226, 232, 240], np.uint8)
_UNSCORED = np.array([120, 130, 145], np.uint8)


def overlay(image: np.ndarray, train_ids: np.ndarray, alpha: float = 0.5) -> np.ndarray:
    """Lay a label map over its image in the benchmark's colours; ignored pixels keep the image's.

    Args:
      image: uint8 [H, W, 3], RGB.
      train_ids: integers [H, W], 0..18 or 255.
      alpha: weight of the colours, from 0 (image only) to 1 (colours only).

    Returns:
      uint8 [H, W, 3], RGB.

    Raises:
      StreetloopError: the sizes differ or `alpha` is outside [0, 1].
    """
    if image.dtype != np.uint8 or image.shape != (*train_ids.shape, 3):
        raise StreetloopError(
            f"Cannot lay a label map of {train_ids.shape} over an image of {image.dtype} "
            f"{image.shape}. Expected uint8 {(*train_ids.shape, 3)}, like its label map."
        )
    if not 0 <= alpha <= 1:
        raise StreetloopError(f"The overlay's alpha is {alpha}. Expected a number in [0, 1].")
    mixed = cv2.addWeighted(image, 1 - alpha, colorize(train_ids), alpha, 0)
    return np.where((train_ids == IGNORE_LABEL)[..., None], image, mixed)


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


def busiest(mask: np.ndarray, share: float = 0.5) -> tuple[slice, slice]:
    """Return rows and columns of the window with the most pixels of `mask` (bool [H, W]).

    Args:
      mask: the pixels to find.
      share: the window's height and width, as parts of the picture's.
    """
    height, width = (max(1, round(n * share)) for n in mask.shape)
    sums = cv2.integral(mask.astype(np.uint8))  # [H + 1, W + 1]
    inside = sums[height:, width:] - sums[:-height, width:]
    inside += sums[:-height, :-width] - sums[height:, :-width]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def shrink(picture: np.ndarray, width: int) -> np.ndarray:
    """Scale a picture uint8 [H, W, 3] down to `width`; return a narrower one unchanged."""
    height, current = picture.shape[:2]
    if current <= width:
        return picture
    size = (width, max(1, round(height * width / current)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def to_png(picture: np.ndarray) -> bytes:
    """Encode uint8 [H, W, 3], RGB, as a PNG file."""
    done, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    if not done:
        raise StreetloopError(
            f"Cannot encode a picture of {picture.shape}. Expected uint8 [H, W, 3]."
        )
    return data.tobytes()

"""Pictures on pages: label maps over images, thumbnails, and PNG and JPEG files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from components.contracts.process.errors import StreetloopError
from tfds_cityscapes.labels import IGNORE_LABEL, colorize


@dataclass(frozen=True)
class Picture:
    """The bytes of a PNG or JPEG file, and the words below it."""

    caption: str
    file: bytes


@dataclass(frozen=True)
class PictureRow:
    """Pictures side by side below a title and a sentence."""

    title: str
    words: str
    pictures: Sequence[Picture]


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


def shrink(picture: np.ndarray, width: int) -> np.ndarray:
    """Scale a picture uint8 [H, W, 3] down to `width`; return a narrower one unchanged."""
    height, current = picture.shape[:2]
    if current <= width:
        return picture
    size = (width, max(1, round(height * width / current)))
    smaller: np.ndarray = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return smaller


def to_png(picture: np.ndarray) -> bytes:
    """Encode uint8 [H, W, 3], RGB, as a PNG file."""
    return _encode(picture, ".png")


def to_jpeg(picture: np.ndarray) -> bytes:
    """Encode uint8 [H, W, 3], RGB, as a JPEG file: a tenth of the PNG, for pages with many pictures."""
    return _encode(picture, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 80])


def _encode(picture: np.ndarray, ending: str, options: Sequence[int] = ()) -> bytes:
    done, data = cv2.imencode(ending, np.ascontiguousarray(picture[..., ::-1]), list(options))
    if not done:
        raise StreetloopError(
            f"Cannot encode a picture of {picture.shape}. Expected uint8 [H, W, 3]."
        )
    return data.tobytes()

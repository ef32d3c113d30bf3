"""The colour changes of torchvision's `ColorJitter` and `RandomGrayscale`, as pure functions.

Images are uint8 [h, w, 3], RGB; every function returns such an image, rounded and clipped, as
Pillow's are. Formulas are those of torchvision.transforms.functional. Eight bits are a quarter of
the memory traffic of floats, and OpenCV has vector code for every one of these changes.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_VALUES = np.arange(256)


def jitter(image: np.ndarray, amounts: Sequence[float], order: Sequence[int]) -> np.ndarray:
    """Apply all four changes.

    Args:
      image: as above.
      amounts: of brightness, contrast and saturation (1 changes nothing), and of hue (0 does).
      order: the numbers 0 to 3 of these changes, in the order in which to apply them.
    """
    changes = (brightness, contrast, saturation, hue)
    for number in order:
        image = changes[number](image, amounts[number])
    return image


def brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply by `factor`."""
    return cv2.LUT(image, _bytes(_VALUES * factor))


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Blend with the mean of the grey image: factor * image + (1 - factor) * mean."""
    mean = float(_LUMA @ cv2.mean(image)[:3])
    return cv2.LUT(image, _bytes(factor * _VALUES + (1 - factor) * mean))


def saturation(image: np.ndarray, factor: float) -> np.ndarray:
    """Blend with the grey image: factor * image + (1 - factor) * grey."""
    return cv2.transform(image, factor * np.eye(3) + (1 - factor) * _LUMA)


def hue(image: np.ndarray, turn: float) -> np.ndarray:
    """Turn the hue of HSV by `turn` of a full circle: 0.25 is 90 degrees."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)  # hue in 256ths of the circle
    turned = _bytes(255 * ((_VALUES / 256 + turn) % 1))  # in 255ths, as OpenCV reads it
    table = np.stack([turned, _VALUES, _VALUES], -1).astype(np.uint8)[None]
    return cv2.cvtColor(cv2.LUT(hsv, table), cv2.COLOR_HSV2RGB_FULL)


def grey(image: np.ndarray) -> np.ndarray:
    """Replace all three channels with the luma: 0.299 R + 0.587 G + 0.114 B."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)

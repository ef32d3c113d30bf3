"""The colour changes of torchvision's `ColorJitter` and `RandomGrayscale`, as pure functions.

Images are float32 [h, w, 3], RGB, in [0, 255]; every function returns such an image, clipped to
that range. Formulas are those of torchvision.transforms.functional. What differs: values stay
floats between two changes (Pillow's 8-bit images are rounded after each one).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np


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
    return np.clip(image * np.float32(factor), 0, 255)


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Blend with the mean of the grey image: factor * image + (1 - factor) * mean."""
    return _blend(image, luma(image).mean(), factor)


def saturation(image: np.ndarray, factor: float) -> np.ndarray:
    """Blend with the grey image: factor * image + (1 - factor) * grey."""
    return _blend(image, luma(image)[..., None], factor)


def hue(image: np.ndarray, turn: float) -> np.ndarray:
    """Turn the hue of HSV by `turn` of a full circle: 0.25 is 90 degrees."""
    hsv = cv2.cvtColor(image / np.float32(255), cv2.COLOR_RGB2HSV)  # hue in [0, 360]
    hsv[..., 0] = (hsv[..., 0] + np.float32(360 * turn)) % 360
    return np.clip(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255, 0, 255)


def grey(image: np.ndarray) -> np.ndarray:
    """Replace all three channels with the luma."""
    return cv2.cvtColor(luma(image), cv2.COLOR_GRAY2RGB)


def luma(image: np.ndarray) -> np.ndarray:
    """Return 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601): [h, w]."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _blend(image: np.ndarray, other: np.ndarray, factor: float) -> np.ndarray:
    share = np.float32(factor)
    return np.clip(share * image + (1 - share) * other, 0, 255)

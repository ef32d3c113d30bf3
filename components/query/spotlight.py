"""Show people which regions of an image they are asked for."""

from __future__ import annotations

import cv2
import numpy as np

_DARK = 0.35  # of the brightness, outside of the regions to label


def spotlight(image: np.ndarray, lit: np.ndarray | None) -> np.ndarray:
    """Darken what nobody needs to label, so that people see the regions in their surroundings.

    Args:
      image: uint8 [H, W, 3], RGB.
      lit: the regions to label, bool [H, W]; None for the whole image, which is returned as it is.
    """
    if lit is None:
        return image
    dark = cv2.convertScaleAbs(image, alpha=_DARK)
    shown: np.ndarray = np.where(lit[..., None], image, dark)
    return shown

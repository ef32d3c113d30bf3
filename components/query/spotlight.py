"""Show people which regions of an image they are asked for."""

from __future__ import annotations

import cv2
import numpy as np

from components.contracts.regions.tiles import Tiles

_DARK = 0.35  # of the brightness, outside of the regions to label


def spotlight(image: np.ndarray, tiles: Tiles | None) -> np.ndarray:
    """Darken what nobody needs to label, so that people see the regions in their surroundings.

    Args:
      image: uint8 [H, W, 3], RGB.
      tiles: the regions to label; None for the whole image, which is returned as it is.
    """
    if tiles is None:
        return image
    lit = tiles.mask(image.shape[:2])
    dark = cv2.convertScaleAbs(image, alpha=_DARK)
    shown: np.ndarray = np.where(lit[..., None], image, dark)
    return shown

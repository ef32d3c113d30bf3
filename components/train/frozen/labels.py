"""Label maps as a head learns from them: the share of each class in each cell of the features."""

from __future__ import annotations

import cv2
import numpy as np

from tfds_cityscapes.labels import IGNORE_LABEL, NUM_CLASSES


def shares(label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the share of each class in each cell.

    Args:
      label: train ids, uint8 [H, W], at native size; 255 counts for no class.
      size: height and width of the features.

    Returns:
      float16 [h, w, 19]; a cell sums to the share of its pixels that are labeled.
    """
    height, width = size
    out = np.zeros((height, width, NUM_CLASSES), np.float16)
    for index in np.unique(label):
        if index != IGNORE_LABEL:
            plane = (label == index).astype(np.float32)
            out[..., index] = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
    return out

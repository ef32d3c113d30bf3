"""Images and masks as records store them. TFDS would start TensorFlow for it."""

from __future__ import annotations

import cv2
import numpy as np


def encode_png(image: np.ndarray) -> bytes:
    """Encode uint8 [H, W, 3] (RGB) or [H, W] as PNG."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()


def fit_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image, uint8 [H, W, 3], to (height, width)."""
    if image.shape[:2] == size:
        return image
    # Averaging over areas is the only interpolation of cv2 that shrinks without aliasing.
    how = cv2.INTER_AREA if size[0] < image.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(image, size[::-1], interpolation=how)


def fit_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a mask of classes, [H, W], to (height, width) by its nearest pixels."""
    if mask.shape == size:
        return mask
    # The exact variant takes the middle of each block; the plain one shifts by half a block.
    return cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)

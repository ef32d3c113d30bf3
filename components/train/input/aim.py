"""Aim crops at pixels that random crops seldom hold: of rare classes, or labeled ones at all."""

from __future__ import annotations

import numpy as np

from tfds_cityscapes.labels import IGNORE_LABEL, NUM_CLASSES

_TEMPERATURE = 0.01  # DAFormer's (Hoyer et al., 2022), section 3.3, for Cityscapes


def rarity(pixel_counts: np.ndarray) -> np.ndarray:
    """Return how often each class is aimed at, up to a factor: exp((1 - share) / T).

    From DAFormer's rare class sampling (Hoyer et al., 2022), eq. 5; its shares are of pixels, too.

    Args:
      pixel_counts: [C], labeled pixels of each class.

    Returns:
      float64 [C]; 0 for a class without a pixel.
    """
    counts = np.asarray(pixel_counts, np.float64)
    if not counts.any():
        return np.zeros(len(counts))
    # Relative to the rarest class the exponent stays small.
    present = counts > 0
    share = counts / counts.sum()
    return np.where(present, np.exp((share[present].min() - share) / _TEMPERATURE), 0.0)


def rare_pixel(
    label: np.ndarray, rarity: np.ndarray, rng: np.random.Generator
) -> tuple[int, int] | None:
    """Draw a class of an image by its rarity, and one of its pixels.

    Args:
      label: train ids, uint8 [h, w], 255 = ignore.
      rarity: [C].
      rng: the only source of randomness.

    Returns:
      Row and column; None if the image has no class with a rarity above 0.
    """
    here = np.bincount(label.ravel(), minlength=256)[:NUM_CLASSES] > 0
    chances = rarity * here
    if not chances.any():
        return None
    drawn = rng.choice(len(chances), p=chances / chances.sum())
    return _any(label == drawn, rng)


def labeled_pixel(label: np.ndarray, rng: np.random.Generator) -> tuple[int, int] | None:
    """Draw row and column of a labeled pixel of train ids, uint8 [h, w]; None if all are 255."""
    labeled = label != IGNORE_LABEL
    return _any(labeled, rng) if labeled.any() else None


def _any(mask: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    places = np.flatnonzero(mask)
    row, column = divmod(int(places[rng.integers(len(places))]), mask.shape[1])
    return row, column

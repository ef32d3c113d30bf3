"""Least confidence: ask first where the model is unsure of its best guess."""

from __future__ import annotations

import numpy as np

from components.query.choose import Fixed
from components.query.pool import Pool

REASON = "the model is unsure of its best guess"


def least_confidence(probabilities: np.ndarray) -> np.ndarray:
    """Return 1 - best, scaled by C / (C - 1): 0 is sure, 1 is uniform."""
    classes = probabilities.shape[-1]
    return np.clip((1 - probabilities.max(-1)) * classes / (classes - 1), 0, 1)


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Fixed:
    """Rank by the pixels' doubt, aggregated."""
    return Fixed(pool.uncertainty["least_confidence"])

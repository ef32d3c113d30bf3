"""Margin: ask first where the model hesitates between two classes."""

from __future__ import annotations

import numpy as np

from components.query.choose import Fixed
from components.query.pool import Pool

REASON = "the model hesitates between two classes"


def margin(probabilities: np.ndarray) -> np.ndarray:
    """Return 1 - (best - second best): 0 is sure, 1 is a tie."""
    top = np.partition(probabilities, -2, axis=-1)
    return np.clip(1 - (top[..., -1] - top[..., -2]), 0, 1)


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Fixed:
    """Rank by the pixels' doubt, aggregated."""
    return Fixed(pool.uncertainty["margin"])

"""Entropy: ask first where the model hesitates between many classes."""

from __future__ import annotations

import numpy as np

from components.query.choose import Fixed
from components.query.pool import Pool

REASON = "the model hesitates between many classes"


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return the Shannon entropy over the classes, divided by log C: 0 is sure, 1 is uniform."""
    classes = probabilities.shape[-1]
    # x log x tends to 0 with x; the smallest normal float keeps the logarithm finite.
    logs = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    # A plain float: NumPy's own would turn the map into float64.
    return np.clip(-(probabilities * logs).sum(-1) / float(np.log(classes)), 0, 1)


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Fixed:
    """Rank by the pixels' doubt, aggregated."""
    return Fixed(pool.uncertainty["entropy"])

"""Disagreement: ask where the model contradicts itself about an image and its mirror image.

The Jensen-Shannon divergence of the two predictions. Unlike entropy, it is small where both agree that
a pixel is ambiguous, which another label would not change (Gao et al., 2020).
"""

from __future__ import annotations

import numpy as np

from components.query.choose import Fixed
from components.query.pool import Pool

REASON = "the model contradicts itself when the image is mirrored"


def divergence(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the Jensen-Shannon divergence of distributions [H, W, C], in [0, 1]: [H, W]."""
    middle = (one + other) / 2
    return np.clip(_entropy(middle) - (_entropy(one) + _entropy(other)) / 2, 0, 1)


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    logs = np.log2(np.maximum(probabilities, np.finfo(np.float32).tiny))
    entropy: np.ndarray = -(probabilities * logs).sum(-1)
    return entropy


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Fixed:
    """Rank by the aggregated divergence."""
    return Fixed(pool.uncertainty["disagreement"])

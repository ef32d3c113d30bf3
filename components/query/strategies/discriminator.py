"""Discriminator: ask where the prediction does not look like a label map.

The discriminator has learned to tell label maps from the generator's predictions, from their shapes and
what lies beside what. Training trusts the pixels that it takes for labels (Hung et al., 2018, section
3.4); a query asks for images with few of them.
"""

from __future__ import annotations

import numpy as np

from components.query.choose import Fixed
from components.query.pool import Pool

REASON = "the prediction does not look like a label map"


def fakeness(logits: np.ndarray) -> np.ndarray:
    """Return the probability that a pixel is predicted: 1 - sigmoid of logits [H, W], in [0, 1]."""
    # By tanh, which has no exponential that could overflow.
    fake: np.ndarray = (1 - np.tanh(logits / 2)) / 2
    return fake


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Fixed:
    """Rank by the aggregated probability that the prediction is one."""
    return Fixed(pool.uncertainty["discriminator"])

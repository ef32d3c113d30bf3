"""Class-balanced entropy: every predicted class counts the same, however many pixels it has.

The mean entropy of an image is mostly that of its large classes. Here the entropy of each predicted
class is divided by the share that the class has in the pool.
"""

from __future__ import annotations

import numpy as np

from components.query.choose import Fixed
from components.query.pool import Pool

REASON = "the model hesitates about rare classes as well as frequent ones"
_LEAST = 1e-4  # share of the pool's pixels below which a class is too rare to be scaled up further


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Fixed:
    """Rank by the entropy of each predicted class, divided by its share of the pool."""
    frequency = np.maximum(pool.class_share.mean(0), _LEAST)
    return Fixed((pool.class_uncertainty / frequency).sum(1))

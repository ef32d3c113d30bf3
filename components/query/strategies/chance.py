"""Random: ask by chance, which is what every other strategy must beat. It needs no model."""

from __future__ import annotations

import numpy as np

from components.query.choose import Fixed
from components.query.pool import Pool

REASON = "drawn at random"


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Fixed:
    """Rank by chance."""
    return Fixed(rng.random(len(pool)))

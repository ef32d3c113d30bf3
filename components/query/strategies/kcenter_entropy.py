"""k-center times entropy: ask where the model hesitates, about what is unlike anything labeled.

On video, where neighbours are alike, this is the one that gained most: see docs/results.md.
"""

from __future__ import annotations

import numpy as np

from components.query.pool import Pool
from components.query.strategies.kcenter import KCenter

REASON = "the model hesitates, and nothing like it is labeled"


def rank(pool: Pool, rng: np.random.Generator, count: int) -> KCenter:
    """Rank by the distance to the nearest labeled image, times the entropy."""
    return KCenter(pool, pool.uncertainty["entropy"])

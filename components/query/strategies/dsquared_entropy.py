"""D²-sampling times entropy: draw by the squared distance to anything labeled, times the entropy.

The seeding of k-means++ (Arthur and Vassilvitskii, 2007), which BADGE (Ash et al., 2020) runs on
gradients; here on embeddings, with the uncertainty as a weight. Chance keeps outliers from being
certain to be asked for.
"""

from __future__ import annotations

import numpy as np

from components.query.pool import Pool
from components.query.strategies.kcenter import KCenter

REASON = "drawn where the model hesitates and nothing like it is labeled"


class DSquared:
    """Draws without replacement: the largest of log(weight) + Gumbel noise (Efraimidis, 2006)."""

    def __init__(self, pool: Pool, weights: np.ndarray, rng: np.random.Generator) -> None:
        self._centers = KCenter(pool, np.ones(len(pool), np.float32))
        self._weights = np.log(np.maximum(weights, np.finfo(np.float32).tiny))
        self._rng, self._size = rng, len(pool)

    def scores(self, free: np.ndarray) -> np.ndarray:
        """Return the logarithms of the chances, with noise drawn again for each choice, [N]."""
        distance = self._centers.distances()
        chance = self._weights + 2 * np.log(np.maximum(distance, np.finfo(np.float32).tiny))
        noisy: np.ndarray = chance + self._rng.gumbel(size=self._size)
        return noisy

    def add(self, index: int) -> None:
        """Take note that a candidate was chosen."""
        self._centers.add(index)


def rank(pool: Pool, rng: np.random.Generator, count: int) -> DSquared:
    """Rank by a draw of which the chances are distance² x entropy."""
    return DSquared(pool, pool.uncertainty["entropy"], rng)

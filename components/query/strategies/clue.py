"""CLUE: cluster the pool weighted by entropy, and ask for the image nearest to each center.

Prabhu et al., Active Domain Adaptation via Clustering Uncertainty-weighted Embeddings (2021).
"""

from __future__ import annotations

import numpy as np

from components.contracts.model.typical import weighted_centers
from components.query.pool import Pool

REASON = "in the middle of a group of images at which the model hesitates"


class Clue:
    """Gives the largest score to the image nearest to the center whose turn it is."""

    def __init__(
        self, pool: Pool, weights: np.ndarray, rng: np.random.Generator, count: int
    ) -> None:
        self._points = np.asarray(pool.embeddings, np.float32)
        self._centers = weighted_centers(self._points, weights, count, rng)
        self._turn = 0

    def scores(self, free: np.ndarray) -> np.ndarray:
        """Return minus the distance to the next center, [N]."""
        center = self._centers[self._turn % len(self._centers)]
        away: np.ndarray = -np.linalg.norm(self._points - center, axis=1)
        return away

    def add(self, index: int) -> None:
        """Take note that a candidate was chosen."""
        self._turn += 1


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Clue:
    """Rank by the distance to the centers of clusters that entropy weighs."""
    return Clue(pool, pool.uncertainty["entropy"], rng, count)

"""k-center: ask for the image that is least like any labeled one (Sener and Savarese, 2018)."""

from __future__ import annotations

import numpy as np

from components.query.pool import Pool

REASON = "unlike anything labeled or requested"


class KCenter:
    """Greedy k-center on embeddings, in which an image counts as much as its weight.

    An image's score is its distance to the nearest labeled or chosen image, times its weight.
    """

    def __init__(self, pool: Pool, weights: np.ndarray) -> None:
        self._points = np.asarray(pool.embeddings, np.float32)
        self._squares = np.einsum("nd,nd->n", self._points, self._points)
        self._weights = weights
        self._nearest = np.full(len(pool), np.inf, np.float32)
        for start in np.asarray(pool.labeled_embeddings, np.float32):
            self._see(start)

    def scores(self, free: np.ndarray) -> np.ndarray:
        """Return the weighted distances, [N]."""
        weighted: np.ndarray = self.distances() * self._weights
        return weighted

    def distances(self) -> np.ndarray:
        """Return the distance to the nearest labeled or chosen image, [N]; 1 while there is none."""
        if np.isinf(self._nearest).any():
            return np.ones(len(self._points), np.float32)
        distances: np.ndarray = np.sqrt(self._nearest)
        return distances

    def add(self, index: int) -> None:
        """Take note that a candidate was chosen."""
        self._see(self._points[index])

    def _see(self, point: np.ndarray) -> None:
        squared = self._squares + float(point @ point) - 2 * (self._points @ point)
        np.minimum(self._nearest, np.maximum(squared, 0), out=self._nearest)


def rank(pool: Pool, rng: np.random.Generator, count: int) -> KCenter:
    """Rank by the distance to the nearest labeled image."""
    return KCenter(pool, np.ones(len(pool), np.float32))

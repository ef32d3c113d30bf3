"""CLUE: cluster the pool weighted by entropy, and ask for the image nearest to each center.

Prabhu et al., Active Domain Adaptation via Clustering Uncertainty-weighted Embeddings (2021).
"""

from __future__ import annotations

import numpy as np

from components.query.pool import Pool

REASON = "in the middle of a group of images at which the model hesitates"
_ROUNDS = 10


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


def weighted_centers(
    points: np.ndarray, weights: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the centers of weighted k-means, [K, D], the heaviest cluster first.

    Args:
      points: float32 [N, D].
      weights: [N], at least 0.
      count: K, at most N.
      rng: of the seeding (k-means++).
    """
    count = min(count, len(points))
    weights = np.maximum(np.asarray(weights, np.float64), 1e-12)
    squares = np.einsum("nd,nd->n", points, points)
    chosen: list[int] = []
    nearest = np.ones(len(points))
    while len(chosen) < count:
        odds = weights * nearest
        total = odds.sum()
        odds = odds / total if total > 0 else weights / weights.sum()
        index = int(rng.choice(len(points), p=odds))
        chosen.append(index)
        squared = np.maximum(squares + squares[index] - 2 * (points @ points[index]), 0)
        nearest = squared if len(chosen) == 1 else np.minimum(nearest, squared)
    centers = points[chosen].astype(np.float32)
    for _ in range(_ROUNDS):
        distance = (centers * centers).sum(1) - 2 * (points @ centers.T)
        member = distance.argmin(1)
        for k in range(count):
            mine = member == k
            if mine.any():
                centers[k] = np.average(points[mine], axis=0, weights=weights[mine])
    heaviest = np.argsort(-np.bincount(member, weights, count), kind="stable")
    ordered: np.ndarray = centers[heaviest]
    return ordered


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Clue:
    """Rank by the distance to the centers of clusters that entropy weighs."""
    return Clue(pool, pool.uncertainty["entropy"], rng, count)

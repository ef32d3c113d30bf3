"""Weighted facility location: ask for the image that stands for most of what is uncertain.

Greedily, the image that adds most to sum over images of entropy x similarity to the nearest labeled or
chosen image. Unlike k-center, it does not follow outliers: an image that is like no other stands for
itself only (Wei, Iyer and Bilmes, 2015).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from components.query.pool import Pool

REASON = "stands for many images at which the model hesitates"
_STANDING_FOR = 2000  # images that a choice is measured on; more change little and cost memory
_BLOCK = 256
_LOOKED_AT = 512  # candidates whose gain is computed again at a time


class Facility:
    """Greedy facility location on the cosine of embeddings.

    A gain can only shrink, so that only those which might be the largest are computed again (Minoux,
    1978).
    """

    def __init__(self, pool: Pool, weights: np.ndarray, rng: np.random.Generator) -> None:
        points = _unit(pool.embeddings)
        sample = np.arange(len(pool))
        if len(pool) > _STANDING_FOR:
            sample = np.sort(rng.choice(len(pool), _STANDING_FOR, replace=False))
        self._weights = weights[sample].astype(np.float32)
        self._similarity = points @ points[sample].T  # [N, S]
        np.maximum(self._similarity, 0, out=self._similarity)
        self._covered = np.zeros(len(sample), np.float32)
        for block in _blocks(_unit(pool.labeled_embeddings)):
            np.maximum(self._covered, (block @ points[sample].T).max(0), out=self._covered)
        self._gains = self._gain(np.arange(len(pool)))
        self._exact = np.ones(len(pool), bool)

    def scores(self, free: np.ndarray) -> np.ndarray:
        """Return how much each candidate would add at most, [N]; exact for the best of the free ones."""
        while True:
            free_gains = np.where(free, self._gains, -np.inf)
            first = free_gains.argmax()
            if self._exact[first]:
                return self._gains
            best = np.argpartition(-free_gains, min(_LOOKED_AT, len(free) - 1))[:_LOOKED_AT]
            # Where more than these have the best gain, the first of them need not be among them.
            best = np.append(best, first)
            stale = best[~self._exact[best]]
            self._gains[stale] = self._gain(stale)
            self._exact[stale] = True

    def add(self, index: int) -> None:
        """Take note that a candidate was chosen."""
        np.maximum(self._covered, self._similarity[index], out=self._covered)
        self._exact[:] = False

    def _gain(self, candidates: np.ndarray) -> np.ndarray:
        gains = [
            np.maximum(self._similarity[some] - self._covered, 0) @ self._weights
            for some in _blocks(candidates)
        ]
        return np.concatenate(gains) if gains else np.zeros(0, np.float32)


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield rows a few at a time, so that what is computed from them stays in the cache."""
    for start in range(0, len(rows), _BLOCK):
        yield rows[start : start + _BLOCK]


def _unit(points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, np.float32)
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    unit: np.ndarray = points / np.maximum(norms, np.finfo(np.float32).tiny)
    return unit


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Facility:
    """Rank by how much uncertainty of the pool an image stands for."""
    return Facility(pool, pool.uncertainty["entropy"], rng)

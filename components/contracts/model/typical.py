"""Choose images that are typical of groups of images that look alike, with every place in proportion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_ROUNDS = 10
_STARTS = 8  # of k-means; one alone often puts two centers into a group and none into another


class Typical:
    """Gives the largest score to the image nearest to the center whose turn it is.

    Centers are those of k-means, the one of the largest group first; groups that hold an image that is
    known already are left out. No place (a city, a drive) gets more than its share of the images, rounded
    up: without that, a group that is spread over many drives could take all of its images from one.
    """

    def __init__(
        self,
        points: np.ndarray,
        known: np.ndarray,
        places: Sequence[np.ndarray],
        count: int,
        rng: np.random.Generator,
    ) -> None:
        """Find the centers.

        Args:
          points: of N candidates, float32 [N, D].
          known: of M labeled images, float32 [M, D], on the same scale.
          places: ways to divide the candidates, such as by city: numbers from 0, int [N] each.
          count: images to choose.
          rng: of the seeding of k-means.
        """
        self._points, self._places = np.asarray(points, np.float32), places
        total, count = len(points), min(count, len(points))
        everything = np.concatenate([self._points, np.asarray(known, np.float32)])
        ones, number = np.ones(len(everything)), count + len(known)
        tried = [weighted_centers(everything, ones, number, rng) for _ in range(_STARTS)]
        centers = min(tried, key=lambda centers: _distances(everything, centers).min(1).sum())
        held = set(_distances(everything[total:], centers).argmin(1).tolist())
        self._centers = centers[[k for k in range(len(centers)) if k not in held]]
        sizes = [np.bincount(place) for place in places]
        self._left = [-(-count * size // total) for size in sizes]
        self._turn = 0

    def scores(self, free: np.ndarray) -> np.ndarray:
        """Return scores in [-2, 0], [N]; those of places that have had their share are below -1."""
        away = np.linalg.norm(self._points - self._centers[self._turn % len(self._centers)], axis=1)
        shares = zip(self._left, self._places, strict=True)
        full = np.any([left[place] <= 0 for left, place in shares], axis=0)
        out: np.ndarray = -away / max(float(away.max()), 1e-12) - full
        return out

    def add(self, index: int) -> None:
        """Take note that a candidate was chosen."""
        self._turn += 1
        for left, place in zip(self._left, self._places, strict=True):
            left[place[index]] -= 1

    def choose(self, count: int) -> list[int]:
        """Choose candidates, at most all, one after the other: their places among the N."""
        free = np.ones(len(self._points), bool)
        chosen: list[int] = []
        for _ in range(min(count, len(free))):
            index = int(np.where(free, self.scores(free), -np.inf).argmax())
            self.add(index)
            free[index] = False
            chosen.append(index)
        return chosen


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
        member = _distances(points, centers).argmin(1)
        for k in range(count):
            mine = member == k
            if mine.any():
                centers[k] = np.average(points[mine], axis=0, weights=weights[mine])
    heaviest = np.argsort(-np.bincount(member, weights, count), kind="stable")
    ordered: np.ndarray = centers[heaviest]
    return ordered


def _distances(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Return squared distances less the points' own squares, [N, K]: enough to compare centers."""
    distances: np.ndarray = (centers * centers).sum(1) - 2 * (points @ centers.T)
    return distances

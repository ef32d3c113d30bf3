"""Log-coverage: ask for the pixels of classes that are rare among the labels, far away in time.

An image's score is the sum over classes of log((labeled + its expected share) / labeled), times its
distance in time to anything labeled. The logarithm makes the first pixels of a class worth most.
"""

from __future__ import annotations

import numpy as np

from components.query.pool import Pool

REASON = "shows classes that few labels have, at another time"
_PRIOR = 1e-3  # labeled share that every class counts as having at least, in images


class Coverage:
    """Greedy coverage of expected class shares, weighted by the distance in time."""

    def __init__(self, pool: Pool) -> None:
        self._share = pool.class_share
        self._labeled = pool.labeled_share * len(pool.labeled.city) + _PRIOR
        self._places = pool.places
        self._distance = np.ones(len(pool))
        rows = zip(pool.labeled.city, pool.labeled.time, pool.labeled.in_city, strict=True)
        for city, time, size in rows:
            self._note(city, time, size)

    def scores(self, free: np.ndarray) -> np.ndarray:
        """Return coverage times distance, [N]."""
        more: np.ndarray = np.log1p(self._share / self._labeled).sum(1)
        return more * self._distance

    def add(self, index: int) -> None:
        """Take note that a candidate was chosen."""
        self._labeled = self._labeled + self._share[index]
        places = self._places
        self._note(places.city[index], places.time[index], places.in_city[index])

    def _note(self, city: int, time: int, size: int) -> None:
        here = self._places.city == city
        away = np.abs(self._places.time[here] - time) / size
        self._distance[here] = np.minimum(self._distance[here], away)


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Coverage:
    """Rank by the classes that an image adds, and by its distance in time."""
    return Coverage(pool)

"""Stratified random: every city in proportion, and spread over the time of its drives.

It needs no model, and is the baseline that a strategy has to beat: on video, plain chance asks twice
for nearly the same picture.
"""

from __future__ import annotations

import numpy as np

from components.query.pool import Pool

REASON = "drawn at random, evenly over cities and time"
_FAR = 0.5  # draw among the images at least this share of the largest distance in time away


class Stratified:
    """Takes the city that is furthest behind its share, and there an image far from chosen ones."""

    def __init__(self, pool: Pool, rng: np.random.Generator) -> None:
        self._places = pool.places
        self._chance = rng.random(len(pool))
        # Distance in time to the nearest chosen or labeled image of the city, as a share of the city.
        self._distance = np.ones(len(pool))
        self._taken: dict[int, int] = {}
        for city, time, size in zip(
            pool.labeled.city, pool.labeled.time, pool.labeled.in_city, strict=True
        ):
            self._note(int(city), int(time), int(size))
        self._cities = {
            int(c): int(n) for c, n in zip(pool.places.city, pool.places.in_city, strict=True)
        }
        self._open = {c: int(np.sum(pool.places.city == c)) for c in self._cities}
        # Which of several cities that are equally far behind comes first: one of many small ones.
        self._turn = dict(
            zip(sorted(self._cities), rng.permutation(len(self._cities)), strict=True)
        )

    def scores(self, free: np.ndarray) -> np.ndarray:
        """Return 2 for an image that may be drawn now, less its turn by chance; below 1 for others."""
        # A city without a candidate left has no share, and what was taken there is nobody's lead.
        sizes = {city: size for city, size in self._cities.items() if self._open[city]}
        out = self._chance / 2
        if not sizes:
            return out
        taken = {city: self._taken.get(city, 0) for city in sizes}
        total, images = sum(taken.values()) + 1, sum(sizes.values())
        behind = {city: total * size / images - taken[city] for city, size in sizes.items()}
        city = max(behind, key=lambda c: (behind[c], self._turn[c]))
        here = self._places.city == city
        far = here & (self._distance >= _FAR * self._distance[here].max())
        return np.where(far, 1 + self._chance, np.where(here, 0.5 + out, out))

    def add(self, index: int) -> None:
        """Take note that a candidate was chosen."""
        city = int(self._places.city[index])
        self._open[city] -= 1
        self._note(city, int(self._places.time[index]), int(self._places.in_city[index]))

    def _note(self, city: int, time: int, size: int) -> None:
        self._taken[city] = self._taken.get(city, 0) + 1
        here = self._places.city == city
        away = np.abs(self._places.time[here] - time) / size
        self._distance[here] = np.minimum(self._distance[here], away)


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Stratified:
    """Rank by chance within the cities and times that are due."""
    return Stratified(pool, rng)

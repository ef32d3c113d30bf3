"""Choose images one after the other, by any strategy, and keep neighbours in time apart."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from components.query.pool import Pool


class Ranker(Protocol):
    """What a strategy makes of a pool. It may change its mind as images are chosen."""

    def scores(self, free: np.ndarray) -> np.ndarray:
        """Return a score per candidate, [N]; higher = ask first.

        Only the largest score among those that are `free`, bool [N], has to be exact; what is below
        it may be an upper bound.
        """

    def add(self, index: int) -> None:
        """Take note that a candidate was chosen."""


class Fixed:
    """A ranking that does not depend on what else is chosen."""

    def __init__(self, scores: np.ndarray) -> None:
        self._scores = scores

    def scores(self, free: np.ndarray) -> np.ndarray:
        """Return the scores, [N]."""
        return self._scores

    def add(self, index: int) -> None:
        """Ignore what was chosen."""


class Choice(NamedTuple):
    """A chosen candidate, by its place in the pool, and the score with which it was chosen."""

    candidate: int
    score: float


def choose(
    pool: Pool, ranker: Ranker, count: int, min_gap: int = 0, per_image: int = 1
) -> list[Choice]:
    """Choose the candidates that a ranker wants most, one after the other.

    Args:
      pool: the candidates.
      ranker: of a strategy, for this pool.
      count: how many to choose, at most all.
      min_gap: two chosen images of one sequence are at least so many frames apart. Where that leaves
        too few, it is halved until there are enough.
      per_image: largest number of chosen regions of one image. Where that leaves too few without a gap,
        it is doubled.

    Returns:
      The choices, the first choice first. Equal scores are ordered by id.
    """
    chosen: list[Choice] = []
    taken: list[int] = []
    free = np.ones(len(pool), bool)
    gap, limit = min_gap, per_image
    while len(chosen) < min(count, len(pool)):
        if not free.any():
            # Other images first: one alone shows one street.
            gap, limit = gap // 2, limit if gap else limit * 2
            free[:] = True
            for place in range(len(chosen)):
                _block(free, pool, taken[: place + 1], gap, limit)
            continue
        scores = np.where(free, ranker.scores(free), -np.inf)
        index = int(scores.argmax())  # the first of equals, and ids are sorted
        chosen.append(Choice(index, float(scores[index])))
        taken.append(index)
        ranker.add(index)
        _block(free, pool, taken, gap, limit)
    return chosen


def _block(free: np.ndarray, pool: Pool, chosen: list[int], gap: int, limit: int) -> None:
    """Take from the `free` candidates, bool [N], what the last of the chosen ones rules out."""
    places, index = pool.places, chosen[-1]
    same = places.sequence == places.sequence[index]
    apart = np.abs(places.rank - places.rank[index])
    free[same & (apart > 0) & (apart < gap)] = False
    free[index] = False
    image = same & (apart == 0)
    if image[chosen].sum() >= limit:
        free[image] = False

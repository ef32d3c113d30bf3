"""Chance of its own for each part of a query, so that no part changes what another one draws."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """A part that draws; the strategy draws from the seed itself."""

    DRIFT = 1
    PROBES = 2
    DROPOUT = 3

    def of(self, seed: tuple[int, int]) -> np.random.Generator:
        """Return its generator; `seed` is the campaign's, and the cycle."""
        return np.random.default_rng((*seed, int(self)))

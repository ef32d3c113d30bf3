"""BALD: ask where dropout changes the model's mind.

Bayesian active learning by disagreement (Houlsby et al., 2011), with dropout in place of a posterior
(Gal, Islam and Ghahramani, 2017): the entropy of the mean prediction less the mean entropy of the
predictions. What every pass calls ambiguous, another label would not change, and is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from components.query.choose import Fixed
from components.query.pool import Pool
from components.query.strategies.entropy import entropy

REASON = "the model changes its mind when parts of it are left out"


def mutual_information(passes: Iterable[np.ndarray]) -> np.ndarray:
    """Return how much the passes differ, pixel by pixel: [H, W], divided by log C, in [0, 1].

    Args:
      passes: probabilities [H, W, C] of each pass, one at a time in memory.
    """
    total: Any = 0
    within: Any = 0
    count = 0
    for probabilities in passes:
        count += 1
        total = total + probabilities
        within = within + entropy(probabilities)
    information: np.ndarray = np.clip(entropy(total / count) - within / count, 0, 1)
    return information


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Fixed:
    """Rank by the aggregated mutual information."""
    return Fixed(pool.uncertainty["bald"])

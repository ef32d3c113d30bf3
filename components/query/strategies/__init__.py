"""The ways to rank images, by their names in the recipe.

Higher means ask first, always. A measure is a pure function of probabilities [H, W, C], float32, that
sum to 1 over C; it returns a map of doubt [H, W], float32, in [0, 1]. An image's score is the mean of
its map. Source of the three measures: Settles, Active Learning Literature Survey (2009), section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from components.contracts.recipe.query import StrategyName
from components.query.strategies import entropy, least_confidence, margin, random


class Strategy(NamedTuple):
    """One way to rank images: why it asks, in words, and its measure; None needs no model."""

    reason: str
    measure: Callable[[np.ndarray], np.ndarray] | None


STRATEGIES: Mapping[StrategyName, Strategy] = {
    "random": Strategy(random.REASON, None),
    "entropy": Strategy(entropy.REASON, entropy.entropy),
    "margin": Strategy(margin.REASON, margin.margin),
    "least_confidence": Strategy(least_confidence.REASON, least_confidence.least_confidence),
}

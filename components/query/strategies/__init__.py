"""The ways to choose images, by their names in the recipe.

A strategy is a pure function of the pool, a random generator and the number of images: it returns a
`Ranker`. Higher means ask first, always. A measure is a pure function of probabilities [H, W, C],
float32, that sum to 1 over C; it returns a map of doubt [H, W], float32, in [0, 1], which `aggregation`
turns into the image's. Source of the three measures: Settles, Active Learning Literature Survey (2009),
section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from components.contracts.recipe.query import StrategyName
from components.query.choose import Ranker
from components.query.pool import Pool
from components.query.strategies import (
    bald,
    chance,
    clasp,
    class_balanced,
    clue,
    coverage,
    disagreement,
    discriminator,
    dsquared_entropy,
    entropy,
    facility_entropy,
    kcenter,
    kcenter_entropy,
    least_confidence,
    margin,
    stratified,
    typical,
)


class Strategy(NamedTuple):
    """One way to choose: why it asks, in words; what it makes of a pool; and what it looks at."""

    reason: str
    rank: Callable[[Pool, np.random.Generator, int], Ranker]
    needs_model: bool = True
    # Beside the entropy, which is always measured, it needs the measure of its name: see `second_look`.
    own_measure: bool = False


STRATEGIES: Mapping[StrategyName, Strategy] = {
    "random": Strategy(chance.REASON, chance.rank, needs_model=False),
    "stratified": Strategy(stratified.REASON, stratified.rank, needs_model=False),
    "entropy": Strategy(entropy.REASON, entropy.rank),
    "margin": Strategy(margin.REASON, margin.rank, own_measure=True),
    "least_confidence": Strategy(least_confidence.REASON, least_confidence.rank, own_measure=True),
    "disagreement": Strategy(disagreement.REASON, disagreement.rank, own_measure=True),
    "bald": Strategy(bald.REASON, bald.rank, own_measure=True),
    "discriminator": Strategy(discriminator.REASON, discriminator.rank, own_measure=True),
    "class_balanced": Strategy(class_balanced.REASON, class_balanced.rank),
    "kcenter": Strategy(kcenter.REASON, kcenter.rank),
    "kcenter_entropy": Strategy(kcenter_entropy.REASON, kcenter_entropy.rank),
    "facility_entropy": Strategy(facility_entropy.REASON, facility_entropy.rank),
    "dsquared_entropy": Strategy(dsquared_entropy.REASON, dsquared_entropy.rank),
    "clue": Strategy(clue.REASON, clue.rank),
    "coverage": Strategy(coverage.REASON, coverage.rank),
    "typical": Strategy(typical.REASON, typical.rank),
    "clasp": Strategy(clasp.REASON, clasp.rank),
}
# Of the measures that strategies have of their own, those that take the prediction alone.
MEASURES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "margin": margin.margin,
    "least_confidence": least_confidence.least_confidence,
}


def looks(strategy: Literal["auto"] | StrategyName) -> bool:
    """Return whether a strategy looks at the images with a model."""
    return strategy == "auto" or STRATEGIES[strategy].needs_model

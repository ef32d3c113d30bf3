"""Pick images from a pool by the strategy that a recipe names, or by what suits the pool."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from components.contracts.recipe.query import StrategyName
from components.query.choose import Choice, choose
from components.query.pool import Pool
from components.query.strategies import STRATEGIES
from components.query.strategies.auto import decide


class Picked(NamedTuple):
    """A choice.

    Attributes:
      strategy: that chose.
      why: it was used, as a sentence; empty if the recipe names it.
      choices: the first choice first.
      scores: of every candidate before the first choice, [N].
    """

    strategy: StrategyName
    why: str
    choices: list[Choice]
    scores: np.ndarray


def pick(
    pool: Pool,
    strategy: StrategyName | Literal["auto"],
    count: int,
    min_gap: int,
    rng: np.random.Generator,
    per_image: int = 1,
) -> Picked:
    """Pick `count` candidates, at most all.

    Args:
      pool: as the strategy needs it.
      strategy: as the recipe names it; `auto` looks at the pool.
      count: images, or regions, to pick.
      min_gap: frames between two of them; see `choose`.
      rng: of chance.
      per_image: regions of one image; see `choose`.
    """
    name, why = decide(pool, rng) if strategy == "auto" else (strategy, "")
    # Chance is chance: what everything else is compared with is not improved by a gap.
    gap, limit = (0, max(1, count)) if name == "random" else (min_gap, per_image)
    ranker = STRATEGIES[name].rank(pool, rng, count)
    scores = ranker.scores(np.ones(len(pool), bool))
    return Picked(name, why, choose(pool, ranker, count, gap, limit), scores)

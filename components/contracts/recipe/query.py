"""The settings of a query."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.contracts.recipe.base import Settings

StrategyName = Literal["random", "entropy", "margin", "least_confidence"]


class QuerySettings(Settings):
    """Which images a cycle asks people to label, and how many.

    Attributes:
      strategy: how images are ranked: by chance (`random`), or by the model's `entropy` (it hesitates
        between many classes), `margin` (between two) or `least_confidence` (its best guess).
      query_size: largest number of outstanding images. A cycle asks for as many as are missing.
      label_budget: number of labeled and outstanding images at which the campaign stops asking; None
        never stops.
    """

    strategy: StrategyName = "entropy"
    query_size: Annotated[int, Field(ge=1)] = 8
    label_budget: Annotated[int, Field(ge=1)] | None = None

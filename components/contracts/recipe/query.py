"""The settings of a query."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.contracts.recipe.base import Settings

StrategyName = Literal["random", "entropy", "margin", "least_confidence"]


class QuerySettings(Settings):
    """Which images a cycle asks for.

    Attributes:
      strategy: how images are ranked.
      query_size: images that may be outstanding at once; what is asked and not answered counts.
      label_budget: labeled images at which the campaign stops asking; None never stops.
    """

    strategy: StrategyName = "entropy"
    query_size: Annotated[int, Field(ge=1)] = 8
    label_budget: Annotated[int, Field(ge=1)] | None = None

"""The settings of a cycle as a whole."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.contracts.recipe.base import Settings


class CycleSettings(Settings):
    """How many cycles, and how long one may hold the campaign.

    Attributes:
      cycles: after so many trained cycles the campaign is complete; None goes on until there is
        nothing left to ask for.
      lease_minutes: a run that is silent for longer has lost its cycle. Set it above the training's
        longest duration.
    """

    cycles: Annotated[int, Field(ge=1)] | None = None
    lease_minutes: Annotated[float, Field(gt=0)] = 24 * 60

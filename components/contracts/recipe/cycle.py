"""The settings of a cycle as a whole, and of the campaign that it belongs to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.contracts.recipe.base import Settings


class CycleSettings(Settings):
    """How many cycles a campaign has, what it works towards, and how long one run may hold it.

    Attributes:
      cycles: trained cycles after which the campaign is complete; None continues until there is no
        image left to ask for.
      target_miou: mIoU on `val`, as a fraction, to which the labels still needed are forecast. It stops
        nothing. None: five points above the newest model.
      stable_kappa: the predictions on the pool count as stable from this agreement of consecutive cycles
        on, the mean of the last three. It stops nothing.
      lease_minutes: minutes after which another run may take an open cycle over, unless
        `cluster.host_in_pods` says that the run that holds it still works. None: as long as all attempts of the
        longest step on a cluster may take, at least 24 hours.
      when_held: what a run does that finds the cycle held by another: `skip` ends it as a success that
        did nothing, `fail` as a failure, `wait` waits for the other run, at most as long as a lease holds.
    """

    cycles: Annotated[int, Field(ge=1)] | None = None
    target_miou: Annotated[float, Field(gt=0, lt=1)] | None = None
    stable_kappa: Annotated[float, Field(gt=0, le=1)] = 0.99
    lease_minutes: Annotated[float, Field(gt=0)] | None = None
    when_held: Literal["fail", "skip", "wait"] = "skip"

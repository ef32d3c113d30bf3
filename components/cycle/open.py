"""Opens a cycle: the campaign, the lease, and the MLflow runs."""

from __future__ import annotations

import logging
from typing import Any

from components.contracts.ledger.lease import open_cycle
from components.contracts.recipe.cycle import CycleSettings
from components.contracts.step.context import Context, begin
from components.cycle.changes import record_recipe
from components.cycle.runs import ensure_runs, send_missing, tracker_of

log = logging.getLogger("streetloop")


def run(recipe: str, root: str, owner: str, take_over: bool) -> dict[str, Any]:
    """Opens the next cycle, or goes on with the open one.

    Args:
      recipe: the resolved recipe, JSON.
      root: the campaign root's URI.
      owner: this pipeline run's id.
      take_over: the caller knows that no other run is alive (the local command's lock).

    Returns:
      {"cycle": its number, "fence": the lease's fencing number}.
    """
    begin("cycle")
    context = Context(recipe, root)
    tracker = tracker_of(context)
    tracker.check()  # wrong credentials must fail now, not after the training
    record_recipe(context.storage, context.recipe)
    settings = context.settings("cycle", CycleSettings)
    lease = open_cycle(context.ledger, owner, settings.lease_minutes * 60, take_over=take_over)
    log.info("cycle %d is open (fencing number %d)", lease.cycle, lease.fence)
    send_missing(context, tracker)
    ensure_runs(context, tracker, lease.cycle, owner)
    return {"cycle": lease.cycle, "fence": lease.fence}

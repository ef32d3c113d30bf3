"""Opens a cycle: the campaign, the lease, and the MLflow runs."""

from __future__ import annotations

import logging

from components.contracts.data.raw import check_exists
from components.contracts.ledger.lease import NO_CYCLE, Lease
from components.contracts.step.context import Context, begin
from components.contracts.step.kept_log import drop_log
from components.cycle.changes import check_unchanged, create, record_changes
from components.cycle.finish import publish
from components.cycle.held import acquire
from components.cycle.idle import complete_words, idle_words
from components.cycle.preflight import check_root
from components.cycle.runs import catch_up, ensure_runs, send_missing

log = logging.getLogger("streetloop")


def run(recipe: str, root: str, owner: str, take_over: bool) -> Lease:
    """Open the next cycle, or resume the open one.

    Args:
      recipe: the resolved recipe, JSON.
      root: the campaign root's URI.
      owner: this pipeline run's id.
      take_over: the caller knows that no other run is alive (the local command's lock).

    Returns:
      the lease; `NO_CYCLE` if a cycle would change nothing, so that a schedule does not open cycles
      for ever, or if another run holds the cycle and `cycle.when_held` is `skip`.
    """
    begin("cycle")
    context = Context(recipe, root)
    context.keep_log("open-cycle", owner)
    if not take_over:  # the local command has locked the root, and runs on small disks too
        check_root(context)
    state = context.ledger.state()
    check_unchanged(state, context.recipe)
    publish(context)
    # The local command shows a cycle to the person who started it, even if nothing is new.
    if words := complete_words(context) if take_over else idle_words(context):
        log.info(words)
        catch_up(context)
        drop_log()
        return NO_CYCLE
    tracker = context.tracker(strict=True)
    tracker.check()  # what a person has to put right must fail now, not after the training
    # A mistyped source must not become part of a campaign, nor open a cycle that cannot begin.
    check_exists(context.recipe.data)
    create(context.storage, context.recipe)
    lease = acquire(context, owner, take_over)
    if lease == NO_CYCLE:
        drop_log()
        return NO_CYCLE
    log.info("cycle %d is open (fencing number %d)", lease.cycle, lease.fence)
    record_changes(context.ledger, context.recipe, lease.fence)
    send_missing(context, tracker)
    ensure_runs(context, tracker, lease.cycle, owner)
    return lease

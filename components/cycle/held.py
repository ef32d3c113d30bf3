"""Opens a cycle, and decides what a run does that finds it held by another run."""

from __future__ import annotations

import logging
import time

from components.contracts.ledger.lease import NO_CYCLE, Lease, LeaseHeldError, Life, open_cycle
from components.contracts.step.context import Context
from components.cycle.idle import idle_words
from components.cycle.owner import life_of

log = logging.getLogger("streetloop")
_POLL_SECONDS = 15.0


def acquire(context: Context, owner: str, take_over: bool) -> Lease:
    """Open the next cycle, or resume the open one; `cycle.when_held` says what if another run has it.

    If Kubeflow Pipelines knows that the other run has ended, its cycle is taken over at once; if it
    knows that the other run still works, not even after the lease has expired.

    Returns:
      the lease; `NO_CYCLE` if this run is skipped, or if the run that it waited for has left it nothing
      to do.

    Raises:
      LeaseHeldError: another run holds the cycle, and the recipe says `fail`; or it says `wait` and
        the lease was not given back for as long as leases hold.
    """
    cycle = context.recipe.cycle
    seconds = context.recipe.lease_seconds
    deadline = time.monotonic() + seconds
    waiting = False

    def ask(other: str) -> Life:
        life = life_of(context.recipe.cluster, other)
        if life == "ended":
            log.warning("run %s has ended: run %s takes its cycle over", other, owner)
        return life

    while True:
        try:
            return open_cycle(context.ledger, owner, seconds, take_over=take_over, ask=ask)
        except LeaseHeldError as error:
            if cycle.when_held == "skip":
                log.warning("skipped: run %s holds it. %s", error.owner, error)
                return NO_CYCLE
            if cycle.when_held == "fail" or time.monotonic() >= deadline:
                raise
            if not waiting:
                log.warning("waiting for run %s (cycle.when_held: wait). %s", error.owner, error)
            waiting = True
        time.sleep(_POLL_SECONDS)
        # The other run may have closed its cycle, and asked for the labels that this one would ask for.
        if words := idle_words(context):
            log.info(words)
            return NO_CYCLE

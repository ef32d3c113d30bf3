"""Compares what a cycle's model and the one before predict for the same images of the pool."""

from __future__ import annotations

import logging

from components.contracts.forecast.sample import PoolSample, agreement
from components.contracts.forecast.stability import WINDOW, Stability, stability_of
from components.contracts.ledger import layout
from components.contracts.step.context import Context
from components.contracts.step.report import report_of

log = logging.getLogger("streetloop")


def compare_with_before(context: Context) -> Stability | None:
    """Return how stable the predictions on the pool are; None if there is nothing to compare with.

    Campaigns of older versions have no samples, and a damaged one is only logged: a cycle does not
    fail for its sake.
    """
    try:
        return _compare(context)
    except Exception:
        log.warning("The predictions on the pool could not be compared.", exc_info=True)
        return None


def _compare(context: Context) -> Stability | None:
    storage, trained = context.storage, context.ledger.state().trained
    earlier = [cycle for cycle in trained if cycle.cycle < context.cycle]
    name = layout.pool_sample(context.cycle)
    if not earlier or not storage.exists(name):
        return None
    last = earlier[-1].cycle
    if not storage.exists(layout.pool_sample(last)):
        return None
    before = PoolSample.decode(storage.read(layout.pool_sample(last)))
    found = agreement(PoolSample.decode(storage.read(name)), before)
    if found is None:
        return None
    kappa, images = found
    reports = [report_of(storage, cycle) for cycle in earlier[-WINDOW:]]
    kappas = [report.stability.kappa for report in reports if report and report.stability]
    return stability_of(kappa, last, images, kappas, context.recipe.cycle.stable_kappa)

"""Preprocess, as a step of a cycle: records of the data set, and the seed of a simulation."""

from __future__ import annotations

from components.contracts.ledger.lease import NO_CYCLE
from components.contracts.step.context import Context, begin
from components.preprocess.build import divide, store_records
from components.preprocess.initial import choose_initial
from components.preprocess.scorable import check_masks, check_oracle


def run(recipe: str, root: str, cycle: int, fence: int) -> str:
    """Make sure that the records of the source's present state exist.

    Returns:
      their folder in the campaign root; "" without a cycle, in a complete campaign.

    Raises:
      StreetloopError: the data is broken, or neither a model nor the oracle could use it.
    """
    begin("preprocess")
    if cycle == NO_CYCLE.cycle:
        return ""
    context = Context(recipe, root, cycle, fence)
    context.keep_log("preprocess")
    settings = context.recipe
    division = divide(context.source(), settings.data, settings.split, settings.seed)
    check_masks(division)
    if settings.feedback.oracle and not context.ledger.state().begun:
        check_oracle(division)
    prefix = store_records(division, context.storage)
    if settings.feedback.oracle and not context.ledger.state().seed:
        records = context.records(prefix)
        ids = choose_initial(division, records, settings)
        if ids:
            context.ledger.commit("seed", "seed", {"image_ids": ids}, fence=fence)
    return prefix

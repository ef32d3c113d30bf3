"""Preprocess, as a step of a cycle: records of the data set, and the seed of a simulation."""

from __future__ import annotations

import logging

from components.contracts.data.records import INDEX
from components.contracts.ledger.layout import records_folder
from components.contracts.process.progress import Progress
from components.contracts.step.context import Context, begin
from components.preprocess.build import assign, build_records, choose_labeled, fingerprint

log = logging.getLogger("streetloop")


def run(recipe: str, root: str, cycle: int, fence: int) -> str:
    """Make sure that the records of the source's present state exist.

    Returns:
      their folder in the campaign root.
    """
    begin("preprocess")
    context = Context(recipe, root, cycle, fence)
    seed, data, split = context.recipe.seed, context.recipe.data, context.recipe.split
    source = context.source()
    splits = assign(source, split, seed)
    prefix = records_folder(fingerprint(source, splits, data, split))
    if not context.storage.exists(f"{prefix}/{INDEX}"):
        progress = Progress("preprocess", "images", sum(len(i) for i in splits.values()))
        with context.writing(prefix, last=INDEX) as folder:
            _, bad = build_records(source, splits, folder, data, progress.update)
        for image_id, why in bad:
            log.warning("left out %s: %s", image_id, why)
    if context.recipe.feedback.oracle and not context.ledger.state().seed:
        ids = choose_labeled(splits, context.records(prefix), split.initial, seed)
        if ids:
            context.ledger.commit("seed", "seed", {"image_ids": ids}, fence=fence)
    return prefix

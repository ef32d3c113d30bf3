"""Split, as a step of a cycle: the records, joined with the labels that the ledger knows."""

from __future__ import annotations

from components.contracts.ledger.labels import label_id, read_parts
from components.contracts.ledger.layout import split_folder
from components.contracts.process.progress import Progress
from components.contracts.step.context import Context, begin
from components.contracts.step.results import SplitResult
from components.split.join import join


def run(recipe: str, root: str, cycle: int, fence: int, records: str) -> SplitResult:
    """Write this cycle's labeled records and its list of unlabeled ids."""
    begin("split")
    context = Context(recipe, root, cycle, fence)
    context.keep_log("split")
    state = context.ledger.state()
    parts = state.label_parts
    hashes = {image_id: label_id(versions) for image_id, versions in parts.items()}
    prefix = split_folder(cycle)

    def body() -> SplitResult:
        progress = Progress("split", "labeled records", len(hashes))
        with context.writing(prefix) as folder:
            joined = join(
                context.records(records),
                list(hashes),
                lambda image_id: read_parts(context.storage, parts[image_id]),
                folder,
                progress.update,
                state.partial,
            )
        labeled, unlabeled = len(joined.labeled.entries), len(joined.unlabeled)
        return SplitResult(prefix=prefix, labeled=labeled, unlabeled=unlabeled)

    return context.once("split", {"records": records, "labels": hashes}, SplitResult, body)

"""Split, as a step of a cycle: the records, joined with the labels that the ledger knows."""

from __future__ import annotations

from components.contracts.ledger.labels import read_label
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
    labels = context.ledger.state().current_labels
    hashes = {image_id: version.sha256 for image_id, version in labels.items()}
    prefix = split_folder(cycle)

    def body() -> SplitResult:
        progress = Progress("split", "labeled records", len(hashes))
        with context.writing(prefix) as folder:
            joined = join(
                context.records(records),
                list(hashes),
                lambda image_id: read_label(context.storage, image_id, hashes[image_id]),
                folder,
                progress.update,
            )
        labeled, unlabeled = len(joined.labeled.entries), len(joined.unlabeled)
        return SplitResult(prefix=prefix, labeled=labeled, unlabeled=unlabeled)

    return context.once("split", {"records": records, "labels": hashes}, SplitResult, body)

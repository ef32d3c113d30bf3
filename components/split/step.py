"""Split, as a step of a cycle: the records, joined with the labels that the ledger knows."""

from __future__ import annotations

from components.contracts.ledger.labels import LabelSizeError, label_id, read_parts
from components.contracts.ledger.layout import done_marker, split_folder
from components.contracts.process.progress import Progress
from components.contracts.step.context import Context, begin
from components.contracts.step.results import SplitResult
from components.split.join import join


def run(recipe: str, root: str, cycle: int, fence: int, records: str) -> SplitResult:
    """Write this cycle's labeled records and its list of unlabeled ids.

    Raises:
      LabelSizeError: an image was replaced at another size after it was labeled.
    """
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

    try:
        return context.once("split", {"records": records, "labels": hashes}, SplitResult, body)
    except LabelSizeError:
        # This cycle cannot end before a new label is ingested, and its feedback step is done. Once its
        # query is out, no label may come in any more: see that step.
        if f"query/{cycle}" not in state.keys:
            context.storage.delete(done_marker(cycle, "feedback"))
        raise

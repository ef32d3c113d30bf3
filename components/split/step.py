"""Split, as a step of a cycle: the records, joined with the labels that the ledger knows."""

from __future__ import annotations

from typing import Any

from components.contracts.data.records import Records
from components.contracts.ledger.labels import read_label
from components.contracts.process.progress import Progress
from components.contracts.step.context import Context, begin
from components.split.join import join


def run(recipe: str, root: str, cycle: int, fence: int, records: str) -> dict[str, Any]:
    """Writes this cycle's labeled records and its list of unlabeled ids.

    Returns:
      {"prefix": where they lie, "labeled": how many, "unlabeled": how many}.
    """
    begin("split")
    context = Context(recipe, root, cycle, fence)
    labels = context.ledger.state().labels
    current = {image_id: versions[-1].sha256 for image_id, versions in sorted(labels.items())}
    prefix = context.work("split")

    def body() -> dict[str, Any]:
        progress = Progress("split", "labeled records", len(current))
        with context.writing(prefix) as folder:
            labeled, unlabeled = join(
                Records(context.storage.local_dir(records)),
                list(current),
                lambda image_id: read_label(context.storage, image_id, current[image_id]),
                folder,
                progress.update,
            )
        return {"prefix": prefix, "labeled": labeled, "unlabeled": unlabeled}

    return context.once("split", {"records": records, "labels": current}, body)

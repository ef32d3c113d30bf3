"""Ingests the masks that a data set already has for images of the pool, as if people had handed them in."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable

from components.contracts.annotation.fields import DATA_SET
from components.contracts.annotation.model import Annotation, AnnotationError
from components.contracts.data.records import POOL, Records
from components.contracts.ledger.events import Label, LabelsAccepted, Refused
from components.contracts.ledger.labels import store_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.feedback.checks import check_one
from tfds_cityscapes.source import Item, Source, SourceError

log = logging.getLogger("streetloop")


def ingest_existing(
    ledger: Ledger,
    source: Source,
    records: Records,
    settings: FeedbackSettings,
    fence: int | None,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Accept the masks of pool images that have no label yet and are no probes, in one event.

    Masks that are added to the data set later are ingested by the next cycle. A label that somebody
    has handed in is never replaced. A mask that cannot be used is rejected with its reason, and does
    not stop the others.

    Args:
      ledger: the campaign's ledger; its storage gets the label maps.
      source: the raw data set.
      records: of the data set; an image without a record cannot be trained on.
      settings: what is accepted.
      fence: the lease's fencing number.
      progress: called with the number of masks read.
    """
    state = ledger.state()
    pool = set(records.ids(POOL)) - state.labels.keys() - state.probes.keys()
    found = [item for item in source.items if item.label and item.image_id in pool]
    # Nobody asked for them, which is the point.
    unasked = settings.model_copy(update={"allow_unasked": True})
    labels: list[Label] = []
    refused: list[Refused] = []
    for done, item in enumerate(sorted(found, key=lambda i: i.image_id), 1):
        try:
            mask = check_one(_read(source, item), records.entries, (), unasked)
        except (AnnotationError, SourceError) as error:
            reason = str(error).removeprefix(f"{item.label}: ")  # the row names it already
            refused.append(Refused(name=str(item.label), reason=reason))
        else:
            sha256 = store_label(ledger.storage, mask.image_id, mask.train_ids)
            labels.append(Label(image_id=mask.image_id, sha256=sha256, annotator=DATA_SET))
        progress(done)
    if not found:
        return
    text = "".join(f"{label.image_id} {label.sha256}\n" for label in labels)
    text += "".join(f"{one.name} {one.reason}\n" for one in refused)
    digest = hashlib.sha256(text.encode()).hexdigest()
    accepted = LabelsAccepted(
        file_sha256=digest, file_name=DATA_SET, labels=labels, refused=refused
    )
    ledger.commit("labels_accepted", f"labels/{digest}", accepted, fence=fence)
    log.info("%d masks of the data set accepted, %d rejected", len(labels), len(refused))


def _read(source: Source, item: Item) -> Annotation:
    return Annotation(
        image_id=item.image_id,
        train_ids=source.read_label(item),
        annotator=DATA_SET,
        created_at=None,
        source=str(item.label),
    )

"""The simulated annotator: answers outstanding queries from the data set's own masks.

Nothing else reads the pool's masks, and it reads only those that were asked for. Its answers become
label maps and an event, as a person's do.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping

import numpy as np

from components.contracts.data.records import POOL, Records
from components.contracts.ledger.events import Label, LabelsAccepted, TaskSkipped
from components.contracts.ledger.labels import store_label, within
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.regions.tiles import Tiles
from tfds_cityscapes.source import Item, Source, SourceError

log = logging.getLogger("streetloop")
ANNOTATOR = "oracle"
_NO_MASK = (
    "The oracle has no mask for {}, which was asked for ({}). A simulation needs gtFine/train; for a "
    "campaign with people, set feedback.oracle=false."
)


def answer(
    ledger: Ledger,
    source: Source,
    records: Records,
    asked: Mapping[str, Tiles | None],
    fence: int | None,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Label the images that were asked for, in one event, and skip those that cannot be labeled.

    An image that stayed outstanding would be asked for in every cycle to come.

    Args:
      ledger: the campaign's ledger; its storage gets the label maps.
      source: the raw data set.
      records: of the data set; an image without a record cannot be trained on.
      asked: the regions to label of each image, by its id; None for the whole image.
      fence: the lease's fencing number.
      progress: called with the number of masks read.

    Raises:
      StreetloopError: the source has no mask for any image that could be asked for, or a broken one.
    """
    items = {item.image_id: item for item in source.items}
    pool = set(records.ids(POOL))
    masked = {i for i in pool if i in items and items[i].label is not None}
    if not masked and asked:
        raise StreetloopError(_NO_MASK.format(min(asked), "it has none for any image of the pool"))
    for image_id in sorted(set(asked) - masked):
        why = "the data set has no mask of it" if image_id in pool else "it has no record any more"
        log.warning("The oracle skips %s: %s.", image_id, why)
        skipped = TaskSkipped(image_id=image_id, annotator=ANNOTATOR, why=why)
        regions = "" if asked[image_id] is None else f"/{asked[image_id]}"
        key = f"skip/{image_id}/{ANNOTATOR}{regions}"  # other regions of it may have been skipped
        ledger.commit("task_skipped", key, skipped, fence=fence)
    labels: list[Label] = []
    for done, image_id in enumerate(sorted(set(asked) & masked), 1):
        tiles = asked[image_id]
        mask = within(read_answer(source, items, image_id), tiles)
        sha256 = store_label(ledger.storage, image_id, mask)
        labels.append(Label(image_id=image_id, sha256=sha256, annotator=ANNOTATOR, tiles=tiles))
        progress(done)
    if labels:
        text = "".join(_line(label) for label in labels)
        digest = hashlib.sha256(text.encode()).hexdigest()
        accepted = LabelsAccepted(
            file_sha256=digest, file_name=ANNOTATOR, labels=labels, refused=[]
        )
        ledger.commit("labels_accepted", f"labels/{digest}", accepted, fence=fence)


def _line(label: Label) -> str:
    """Return what tells an answer from others: the mask alone does not say which regions are empty."""
    regions = "" if label.tiles is None else f" {label.tiles}"
    return f"{label.image_id} {label.sha256}{regions}\n"


def read_answer(source: Source, items: Mapping[str, Item], image_id: str) -> np.ndarray:
    """Return the mask of one image: train ids, uint8 [H, W].

    Args:
      source: the raw data set.
      items: its items by image id.
      image_id: the image that was asked for.

    Raises:
      StreetloopError: the source has no mask for it.
    """
    try:
        return source.read_label(items[image_id])
    except (KeyError, SourceError) as error:
        raise StreetloopError(_NO_MASK.format(image_id, error)) from error

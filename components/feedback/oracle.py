"""The simulated annotator: answers outstanding queries from the data set's own masks.

It is the only reader of the pool's masks, and reads only those that were asked for. Its answers go
in like anybody's: a stored label map, and an event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from components.contracts.ledger.labels import store_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from tfds_cityscapes.source import Item, Source, SourceError

ANNOTATOR = "oracle"


def answer(
    ledger: Ledger,
    source: Source,
    asked: Sequence[str],
    fence: int | None,
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Labels the images that were asked for, in one event.

    Args:
      ledger: the campaign's ledger; its storage takes the label maps.
      source: the raw data set.
      asked: image ids.
      fence: the lease's fencing number.
      progress: called with the number of masks read.

    Returns:
      how many images were labeled.

    Raises:
      StreetloopError: the source has no mask for an image that was asked for.
    """
    items = {item.image_id: item for item in source.items}
    labels: list[dict[str, Any]] = []
    for done, image_id in enumerate(sorted(asked), 1):
        label = read_answer(source, items, image_id)
        sha256 = store_label(ledger.storage, image_id, label)
        labels.append({"image_id": image_id, "sha256": sha256, "annotator": ANNOTATOR})
        progress(done)
    if labels:
        text = "".join(f"{row['image_id']} {row['sha256']}\n" for row in labels)
        digest = hashlib.sha256(text.encode()).hexdigest()
        ledger.commit(
            "labels_accepted",
            f"labels/{digest}",
            {"file_sha256": digest, "file_name": ANNOTATOR, "labels": labels, "refused": []},
            fence=fence,
        )
    return len(labels)


def read_answer(source: Source, items: Mapping[str, Item], image_id: str) -> np.ndarray:
    """The mask of one image: train ids, uint8 [H, W].

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
        raise StreetloopError(
            f"The oracle was asked for {image_id} and has no mask for it ({error}). A simulation "
            "needs gtFine/train; for a campaign with people set feedback.oracle=false."
        ) from error

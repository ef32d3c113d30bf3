"""Joins records with labels: labeled records hold a label map, the rest is a list of ids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.contracts.data.example import encode
from components.contracts.data.frames import write_frames
from components.contracts.data.records import (
    LABELED,
    POOL,
    UNLABELED_IDS,
    Records,
    decode_image,
    write_ids,
    write_index,
)
from components.contracts.ledger.labels import LabelSizeError
from tfds_cityscapes.png import encode_png, fit_mask


class Joined(NamedTuple):
    """The labeled records, and the sorted ids of the pool's images that are not labeled, or not fully."""

    labeled: Records
    unlabeled: list[str]


def join(
    records: Records,
    labeled: Sequence[str],
    read_label: Callable[[str], np.ndarray],
    output: Path,
    progress: Callable[[int], None] = lambda done: None,
    partial: Collection[str] = (),
) -> Joined:
    """Write `labeled/` (records with image and label) and `unlabeled.txt` below `output`.

    Only the records of labeled images are copied, since they are few.

    Args:
      records: of the whole data set; only those of its pool are joined.
      labeled: ids that have a label; others than the pool's are ignored.
      read_label: returns the train ids of an image at native size, uint8 [H, W].
      output: an empty folder.
      progress: called with the number of records written.
      partial: ids of labeled images of which only regions are labeled: they are unlabeled ones as well.

    Raises:
      LabelSizeError: the size of a label map is not its image's native size.
    """
    pool = records.ids(POOL)
    with_label = sorted(set(labeled) & set(pool))
    without = sorted(set(pool) - (set(with_label) - set(partial)))
    (output / LABELED).mkdir(parents=True)
    if with_label:

        def examples() -> Iterator[bytes]:
            for done, image_id in enumerate(with_label, 1):
                yield _example(records, image_id, read_label(image_id))
                progress(done)

        # Not through TFDS: this step would take seven seconds to start, in every cycle.
        write_frames(output / LABELED / f"{POOL}.tfrecord", examples())
    write_ids(output / UNLABELED_IDS, without)
    return Joined(write_index(output / LABELED), without)


def _example(records: Records, image_id: str, label: np.ndarray) -> bytes:
    entry, (image, _) = records.entries[image_id], records.encoded(image_id)
    label = _sized(image_id, label, (entry.height, entry.width))
    stored = decode_image(image).shape[:2]
    return encode(
        {
            "image_id": image_id.encode(),
            "city": entry.city.encode(),
            "height": entry.height,
            "width": entry.width,
            "image": image,
            "label": encode_png(fit_mask(label, stored)),
        }
    )


def _sized(image_id: str, label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if label.shape != size:
        raise LabelSizeError(
            f"The label map of {image_id} has {'x'.join(map(str, label.shape))} pixels (height x "
            f"width), but its image has {size[0]}x{size[1]}. Label the image again at full "
            "size, or put the image back that was labeled."
        )
    return label

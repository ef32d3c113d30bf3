"""Joins records with labels: labeled records hold a label map, the rest is a list of ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.contracts.data.records import Records, write_ids, write_index
from components.contracts.process.errors import StreetloopError
from tfds_cityscapes.source import Item

LABELED = "labeled"
UNLABELED_IDS = "unlabeled.txt"
POOL = "train"


class Joined(NamedTuple):
    """The labeled records, and the sorted ids of the pool's other images."""

    labeled: Records
    unlabeled: list[str]


def join(
    records: Records,
    labeled: Sequence[str],
    read_label: Callable[[str], np.ndarray],
    output: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> Joined:
    """Write `labeled/` (records with image and label) and `unlabeled.txt` below `output`.

    Only the records of labeled images are copied, since they are few.

    Args:
      records: of the whole data set; only those of its pool are joined.
      labeled: ids that have a label; others than the pool's are ignored.
      read_label: returns the train ids of an image at native size, uint8 [H, W].
      output: an empty folder.
      progress: called with the number of records written.

    Raises:
      StreetloopError: the size of a label map is not its image's native size.
    """
    from tfds_cityscapes.builder import StreetScenesConfig, build

    with_label = sorted(set(labeled) & set(records.ids(POOL)))
    without = sorted(set(records.ids(POOL)) - set(with_label))
    (output / LABELED).mkdir(parents=True)
    if with_label:
        items = [
            Item(image_id, records.entries[image_id].city, POOL, image=image_id)
            for image_id in with_label
        ]
        config = StreetScenesConfig(
            name=LABELED,
            read_image=lambda item: records.read(item.image_id).image,
            read_label=lambda item, size: _sized(item.image_id, read_label(item.image_id), size),
            items={POOL: tuple(items)},
            native_size=lambda item: (
                records.entries[item.image_id].height,
                records.entries[item.image_id].width,
            ),
            resize_labels=True,
            progress=progress,
        )
        build(config, output / LABELED)
    write_ids(output / UNLABELED_IDS, without)
    return Joined(write_index(output / LABELED), without)


def _sized(image_id: str, label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if label.shape != size:
        raise StreetloopError(
            f"The label map of {image_id} has {'x'.join(map(str, label.shape))} pixels (height x "
            f"width), but its image has {size[0]}x{size[1]}. Label the image again at full size."
        )
    return label

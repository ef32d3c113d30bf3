"""Joins records with labels: labeled records carry a label map, the rest is a list of ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from components.contracts.data.records import Records, write_ids, write_index
from components.contracts.process.errors import StreetloopError
from tfds_cityscapes.source import Item

LABELED = "labeled"
UNLABELED_IDS = "unlabeled.txt"
POOL = "train"


def join(
    records: Records,
    labeled: Sequence[str],
    read_label: Callable[[str], np.ndarray],
    output: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[int, int]:
    """Writes `labeled/` (records with image and label) and `unlabeled.txt` below `output`.

    Images stay where they are: only those that have a label are written again, since they are few.

    Args:
      records: the whole data set; its pool is split.
      labeled: ids that have a label.
      read_label: image id -> train ids at native size, uint8 [H, W].
      output: an empty folder.
      progress: called with the number of records written.

    Returns:
      how many images are labeled, and how many are not.

    Raises:
      StreetloopError: a label map has another size than its image.
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
    write_index(output / LABELED)
    write_ids(output / UNLABELED_IDS, without)
    return len(with_label), len(without)


def _sized(image_id: str, label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if label.shape != size:
        raise StreetloopError(
            f"Expected a label map of {size[0]}x{size[1]} (height x width) pixels for {image_id}, "
            f"its image's native size; got {'x'.join(map(str, label.shape))}. Label it again."
        )
    return label

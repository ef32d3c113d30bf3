"""Records: TFRecord files of street scenes, found by image id.

Preprocess writes the files through TFDS, and split without it; this module writes an index beside
them, of where each record starts, so that any image can be read by its id, in any order, without
reading the records before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from google.protobuf.message import DecodeError

from components.contracts.data import example
from components.contracts.data.frames import read_frames
from components.contracts.process.errors import StreetloopError
from components.contracts.process.files import write_text

INDEX = "index.json"
POOL = "train"  # the only split that people label; the others are for scoring
LABELED = "labeled"  # where split writes the pool's records with labels, and the ids of the others
UNLABELED_IDS = "unlabeled.txt"
_DAMAGED = (
    "A record or a label map is damaged: {}. Delete the folder of the records (or restore the "
    "label map) and run again."
)


@dataclass(frozen=True)
class Entry:
    """Where one record is. `height` and `width` are those of the source image, in pixels."""

    split: str
    city: str
    height: int
    width: int
    shard: str
    offset: int
    length: int


@dataclass(frozen=True)
class Record:
    """One decoded record.

    Attributes:
      image: uint8 [h, w, 3], RGB, at the stored size.
      label: train ids, uint8 [H, W], or None if the record has no label.
    """

    image_id: str
    entry: Entry
    image: np.ndarray
    label: np.ndarray | None


class Records:
    """The records of one folder."""

    def __init__(self, folder: Path) -> None:
        """Read the index; StreetloopError if it does not exist."""
        self.folder = folder
        try:
            rows = json.loads((folder / INDEX).read_text())
        except FileNotFoundError as error:
            raise StreetloopError(
                f"Records not found: {folder} has no {INDEX}. Run the preprocess step first."
            ) from error
        self.entries: dict[str, Entry] = {i: Entry(**row) for i, row in sorted(rows.items())}

    def ids(self, split: str) -> list[str]:
        """Return the sorted ids of one split."""
        return [i for i, entry in self.entries.items() if entry.split == split]

    def encoded(self, image_id: str) -> tuple[bytes, bytes | None]:
        """Read the encoded image and label map (None without a label) of one record."""
        entry = self.entries[image_id]
        with open(self.folder / entry.shard, "rb") as file:
            file.seek(entry.offset)
            features = _features(file.read(entry.length))
        label = features.get("label")
        return features["image"][0], label[0] if label else None

    def read(self, image_id: str) -> Record:
        """Read and decode one record; KeyError if the id is unknown."""
        image, label = self.encoded(image_id)
        return Record(
            image_id,
            self.entries[image_id],
            decode_image(image),
            None if label is None else decode_mask(label),
        )

    def __contains__(self, image_id: str) -> bool:
        return image_id in self.entries


def spread(ids: Sequence[str], count: int) -> list[str]:
    """Return at most `count` ids at equal distances."""
    step = max(1.0, len(ids) / max(1, count))
    return [ids[int(i * step)] for i in range(min(count, len(ids)))]


def decode_image(data: bytes) -> np.ndarray:
    """Decode PNG or JPEG into uint8 [H, W, 3], RGB; StreetloopError if it is neither."""
    rgb: np.ndarray = cv2.cvtColor(_decode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return rgb


def decode_mask(data: bytes) -> np.ndarray:
    """Decode a one-channel PNG into uint8 [H, W]; StreetloopError if it cannot be decoded."""
    return _decode(data, cv2.IMREAD_UNCHANGED)


def _decode(data: bytes, flags: int) -> np.ndarray:
    decoded: np.ndarray | None = None
    if data:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if decoded is None:
        raise StreetloopError(_DAMAGED.format("it cannot be decoded as an image"))
    return decoded


def _features(data: bytes) -> dict[str, list[Any]]:
    try:
        return example.decode(data)
    except DecodeError as error:
        raise StreetloopError(_DAMAGED.format("it is not a tf.train.Example")) from error


def write_index(folder: Path, split_of: dict[str, str] | None = None) -> Records:
    """Index every TFRecord file below a folder.

    Args:
      folder: where the files are.
      split_of: image id -> split; without it, the split in the file's name.

    Returns:
      The records.
    """
    entries: dict[str, Entry] = {}
    for path in sorted(folder.rglob("*.tfrecord*")):
        named = path.name.rpartition(".tfrecord")[0].rpartition("-")[2]
        for offset, data in read_frames(path):
            features = _features(data)
            image_id = features["image_id"][0].decode()
            entries[image_id] = Entry(
                split=split_of[image_id] if split_of else named,
                city=features["city"][0].decode(),
                height=int(features["height"][0]),
                width=int(features["width"][0]),
                shard=path.relative_to(folder).as_posix(),
                offset=offset,
                length=len(data),
            )
    index = json.dumps({i: asdict(entry) for i, entry in entries.items()}, sort_keys=True)
    # Last and atomically: a folder with an index is complete.
    write_text(folder / INDEX, index)
    return Records(folder)


def write_ids(path: Path, ids: Iterable[str]) -> None:
    """Write sorted ids, one per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{i}\n" for i in sorted(ids)))


def read_ids(path: Path) -> list[str]:
    """Read the ids of `write_ids`; empty lines are skipped, and an id may contain spaces."""
    return [line for line in path.read_text().split("\n") if line]


def check_in_pool(records: Records, ids: Sequence[str], source: Path) -> None:
    """Reject ids of images that are not of the pool.

    Raises:
      StreetloopError: `source`, the file or folder that lists the ids, has others.
    """
    missing = sorted(set(ids) - set(records.ids(POOL)))
    if missing:
        raise StreetloopError(
            f"{source} lists ids that are not in the pool ({POOL}) of {records.folder}: {missing[0]} and "
            f"{len(missing) - 1} more. Use the records that the split was made from."
        )

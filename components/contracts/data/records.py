"""Records: TFRecord files of street scenes, found by image id.

TFDS writes the files; this module keeps, beside them, an index of where each record starts, so
that any image can be read by its id, in any order, without reading what lies before it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from components.contracts.process.errors import StreetloopError
from components.contracts.process.files import write_text

INDEX = "index.json"
_DAMAGED = (
    "a record or label map is damaged. Delete the folder of the records (or restore the label map) "
    "and run again."
)


@dataclass(frozen=True)
class Entry:
    """Where one record lies. `height` and `width` are the native ones, in pixels."""

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
      label: train ids, uint8 [H, W], or None where records hold no labels.
    """

    image_id: str
    entry: Entry
    image: np.ndarray
    label: np.ndarray | None


class Records:
    """The records of one folder."""

    def __init__(self, folder: Path) -> None:
        """Reads the index; StreetloopError if there is none."""
        self.folder = folder
        try:
            rows = json.loads((folder / INDEX).read_text())
        except FileNotFoundError as error:
            raise StreetloopError(
                f"Expected records (TFRecord files and {INDEX}) in {folder}; there is no {INDEX}. "
                "Run the preprocess step first."
            ) from error
        self.entries: dict[str, Entry] = {i: Entry(**row) for i, row in sorted(rows.items())}

    def ids(self, split: str) -> list[str]:
        """The sorted ids of one split ("train" is the pool)."""
        return [i for i, entry in self.entries.items() if entry.split == split]

    def encoded(self, image_id: str) -> tuple[bytes, bytes | None]:
        """The encoded image and label map (None without labels) of one record."""
        entry = self.entries[image_id]
        with open(self.folder / entry.shard, "rb") as file:
            file.seek(entry.offset)
            features = _features(file.read(entry.length))
        label = features.get("label")
        return features["image"][0], label[0] if label else None

    def read(self, image_id: str) -> Record:
        """Reads and decodes one record; KeyError if the id is not there."""
        image, label = self.encoded(image_id)
        return Record(
            image_id,
            self.entries[image_id],
            decode_image(image),
            None if label is None else decode_mask(label),
        )

    def __contains__(self, image_id: str) -> bool:
        return image_id in self.entries


def decode_image(data: bytes) -> np.ndarray:
    """Decodes PNG or JPEG into uint8 [H, W, 3], RGB; StreetloopError if it is neither."""
    return cv2.cvtColor(_decode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def decode_mask(data: bytes) -> np.ndarray:
    """Decodes a one-channel PNG into uint8 [H, W]; StreetloopError if it is none."""
    return _decode(data, cv2.IMREAD_UNCHANGED)


def _decode(data: bytes, flags: int) -> np.ndarray:
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if decoded is None:
        raise StreetloopError(f"Expected an image that can be decoded; {_DAMAGED}")
    return decoded


def _features(data: bytes) -> dict[str, list]:
    import tensorflow as tf  # takes seconds; who only wants the index does not need it
    from google.protobuf.message import DecodeError

    try:
        example = tf.train.Example.FromString(data)
    except DecodeError as error:
        raise StreetloopError(f"Expected a record of TFDS; {_DAMAGED}") from error
    return {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in example.features.feature.items()
        if feature.WhichOneof("kind")
    }


def _frames(path: Path) -> Iterator[tuple[int, int]]:
    """Where each record of a TFRecord file starts, and its length in bytes."""
    # Length (uint64), its CRC (uint32), the data, the data's CRC (uint32).
    size = path.stat().st_size
    with open(path, "rb") as file:
        at = 0
        while at < size:
            file.seek(at)
            (length,) = struct.unpack("<Q", file.read(8))
            yield at + 12, length
            at += 12 + length + 4


def write_index(folder: Path, split_of: dict[str, str] | None = None) -> Records:
    """Indexes every TFRecord file below `folder`.

    Args:
      folder: where TFDS wrote.
      split_of: image id -> split; without it, the split that TFDS put into the file name.

    Returns:
      the records.
    """
    rows: dict[str, dict] = {}
    for path in sorted(folder.rglob("*.tfrecord*")):
        named = path.name.rpartition(".tfrecord")[0].rpartition("-")[2]
        with open(path, "rb") as file:
            for offset, length in _frames(path):
                file.seek(offset)
                features = _features(file.read(length))
                image_id = features["image_id"][0].decode()
                entry = Entry(
                    split=split_of[image_id] if split_of else named,
                    city=features["city"][0].decode(),
                    height=int(features["height"][0]),
                    width=int(features["width"][0]),
                    shard=path.relative_to(folder).as_posix(),
                    offset=offset,
                    length=length,
                )
                rows[image_id] = asdict(entry)
    write_text(
        folder / INDEX, json.dumps(rows, sort_keys=True)
    )  # the last file: now it is complete
    return Records(folder)


def write_ids(path: Path, ids: Iterable[str]) -> None:
    """Writes sorted ids, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{i}\n" for i in sorted(ids)))


def read_ids(path: Path) -> list[str]:
    """Reads what `write_ids` wrote; empty lines are passed over. An id may hold spaces."""
    return [line for line in path.read_text().split("\n") if line]

"""Accepted label maps: PNG files of train ids under labels/<image_id>/<sha256>.png."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np

from components.contracts.data.records import decode_mask
from components.contracts.ledger.layout import label_blob
from components.contracts.ledger.state import LabelVersion
from components.contracts.process.errors import StreetloopError
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.base import Storage
from tfds_cityscapes.labels import IGNORE_LABEL


class LabelSizeError(StreetloopError):
    """A label map does not have the size that its image has now; another label mends that."""


def store_label(storage: Storage, image_id: str, train_ids: np.ndarray) -> str:
    """Store a label map, uint8 [H, W] of train ids; return its SHA-256.

    The name is the content's hash, so storing the same map twice is one blob.
    """
    data = cv2.imencode(".png", train_ids)[1].tobytes()
    sha256 = hashlib.sha256(data).hexdigest()
    name = label_blob(image_id, sha256)
    if not storage.exists(name):
        storage.write(name, data)
    return sha256


def read_label(storage: Storage, image_id: str, sha256: str) -> np.ndarray:
    """Read a label map, uint8 [H, W].

    Raises:
      StreetloopError: its content is not what was stored.
    """
    data = storage.read(label_blob(image_id, sha256))
    if hashlib.sha256(data).hexdigest() != sha256:
        raise StreetloopError(
            f"Label map {label_blob(image_id, sha256)} was changed or damaged: its content does not "
            "have the hash in its name. Restore it from a backup; `streetloop "
            "ledger verify` lists every such file."
        )
    return decode_mask(data)


def within(train_ids: np.ndarray, tiles: Tiles | None) -> np.ndarray:
    """Return a label map, uint8 [H, W], that is 255 outside of some regions; None keeps all of it."""
    if tiles is None:
        return train_ids
    return np.where(tiles.mask(train_ids.shape), train_ids, np.uint8(IGNORE_LABEL))


def read_parts(storage: Storage, parts: Sequence[LabelVersion]) -> np.ndarray:
    """Read an image's label, uint8 [H, W]: in each region, what the last part that labels it says.

    Args:
      storage: the campaign root.
      parts: of `State.label_parts`; at least one.

    Raises:
      StreetloopError: the content of a part is not what was stored.
      LabelSizeError: the parts differ in size.
    """
    label = read_label(storage, parts[0].image_id, parts[0].sha256)
    for part in parts[1:]:
        newer = read_label(storage, part.image_id, part.sha256)
        if newer.shape != label.shape:
            raise LabelSizeError(
                f"The label maps of regions of {part.image_id} differ in size: {label.shape} and "
                f"{newer.shape} pixels (height, width). Label the image again at full size."
            )
        label = (
            newer if part.tiles is None else np.where(part.tiles.mask(label.shape), newer, label)
        )
    return label


def label_id(parts: Sequence[LabelVersion]) -> str:
    """Return the SHA-256 of an image's label, or of what its parts say if it has several."""
    if len(parts) == 1:
        return parts[0].sha256
    lines = "".join(f"{part.sha256} {part.tiles}\n" for part in parts)
    return hashlib.sha256(lines.encode()).hexdigest()

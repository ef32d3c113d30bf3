"""Accepted label maps: PNG files of train ids under labels/<image_id>/<sha256>.png."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

from components.contracts.data.records import decode_mask
from components.contracts.ledger.layout import label_blob
from components.contracts.process.errors import StreetloopError
from components.contracts.storage.base import Storage


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

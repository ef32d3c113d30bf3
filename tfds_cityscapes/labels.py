"""The Cityscapes label table, its colours, and the one conversion of ids.

Source: the label definitions of the Cityscapes benchmark (Cordts et al., 2016), in which a
*label id* is what annotation files hold (-1 to 33) and a *train id* is what a network predicts
(0 to 18, 255 = ignore). No other code of this project converts one into the other.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

import numpy as np

IGNORE_LABEL = 255


class Label(NamedTuple):
    """One row of the table; `train_id` is 255 for a class that the benchmark does not score."""

    name: str
    label_id: int
    train_id: int
    category: str
    has_instances: bool
    color: tuple[int, int, int]  # RGB


LABELS: tuple[Label, ...] = (
    Label("unlabeled", 0, 255, "void", False, (0, 0, 0)),
    Label("ego vehicle", 1, 255, "void", False, (0, 0, 0)),
    Label("rectification border", 2, 255, "void", False, (0, 0, 0)),
    Label("out of roi", 3, 255, "void", False, (0, 0, 0)),
    Label("static", 4, 255, "void", False, (0, 0, 0)),
    Label("dynamic", 5, 255, "void", False, (111, 74, 0)),
    Label("ground", 6, 255, "void", False, (81, 0, 81)),
    Label("road", 7, 0, "flat", False, (128, 64, 128)),
    Label("sidewalk", 8, 1, "flat", False, (244, 35, 232)),
    Label("parking", 9, 255, "flat", False, (250, 170, 160)),
    Label("rail track", 10, 255, "flat", False, (230, 150, 140)),
    Label("building", 11, 2, "construction", False, (70, 70, 70)),
    Label("wall", 12, 3, "construction", False, (102, 102, 156)),
    Label("fence", 13, 4, "construction", False, (190, 153, 153)),
    Label("guard rail", 14, 255, "construction", False, (180, 165, 180)),
    Label("bridge", 15, 255, "construction", False, (150, 100, 100)),
    Label("tunnel", 16, 255, "construction", False, (150, 120, 90)),
    Label("pole", 17, 5, "object", False, (153, 153, 153)),
    Label("polegroup", 18, 255, "object", False, (153, 153, 153)),
    Label("traffic light", 19, 6, "object", False, (250, 170, 30)),
    Label("traffic sign", 20, 7, "object", False, (220, 220, 0)),
    Label("vegetation", 21, 8, "nature", False, (107, 142, 35)),
    Label("terrain", 22, 9, "nature", False, (152, 251, 152)),
    Label("sky", 23, 10, "sky", False, (70, 130, 180)),
    Label("person", 24, 11, "human", True, (220, 20, 60)),
    Label("rider", 25, 12, "human", True, (255, 0, 0)),
    Label("car", 26, 13, "vehicle", True, (0, 0, 142)),
    Label("truck", 27, 14, "vehicle", True, (0, 0, 70)),
    Label("bus", 28, 15, "vehicle", True, (0, 60, 100)),
    Label("caravan", 29, 255, "vehicle", True, (0, 0, 90)),
    Label("trailer", 30, 255, "vehicle", True, (0, 0, 110)),
    Label("train", 31, 16, "vehicle", True, (0, 80, 100)),
    Label("motorcycle", 32, 17, "vehicle", True, (0, 0, 230)),
    Label("bicycle", 33, 18, "vehicle", True, (119, 11, 32)),
    Label("license plate", -1, 255, "vehicle", False, (0, 0, 142)),
)

TRAIN_LABELS: tuple[Label, ...] = tuple(
    sorted((row for row in LABELS if row.train_id != IGNORE_LABEL), key=lambda row: row.train_id)
)
NUM_CLASSES = len(TRAIN_LABELS)
CLASS_NAMES: tuple[str, ...] = tuple(row.name for row in TRAIN_LABELS)
BY_NAME: dict[str, Label] = {row.name: row for row in LABELS}

# Names that annotators give to "no class".
_IGNORE_NAMES = {"background", "ignore", "ignored", "void", "unlabelled"}

UNKNOWN = 254  # in a lookup table: an id that is not in the label table

# An 8-bit file stores the id -1 (license plate) as 255.
_TO_TRAIN = np.full(256, UNKNOWN, np.uint8)
for _row in LABELS:
    _TO_TRAIN[_row.label_id % 256] = _row.train_id
_TO_LABEL = np.full(256, UNKNOWN, np.uint8)
_TO_LABEL[IGNORE_LABEL] = 0
_PALETTE = np.zeros((256, 3), np.uint8)
for _row in TRAIN_LABELS:
    _TO_LABEL[_row.train_id] = _row.label_id
    _PALETTE[_row.train_id] = _row.color


class UnknownLabelError(ValueError):
    """A mask holds an id that is not in the label table."""


def _look_up(ids: np.ndarray, table: np.ndarray, allowed: str) -> np.ndarray:
    if ids.dtype != np.uint8:
        if not np.issubdtype(ids.dtype, np.integer):
            raise UnknownLabelError(
                f"Ids of type {ids.dtype} are not integers. Expected {allowed}."
            )
        if ids.size and (ids.min() < -1 or ids.max() > 255):
            raise UnknownLabelError(
                f"Unknown ids, from {int(ids.min())} to {int(ids.max())}. Expected {allowed}."
            )
        ids = ids.astype(np.uint8)  # -1 becomes 255
    out: np.ndarray = table[ids]
    if (out == UNKNOWN).any():
        unknown = sorted(int(i) for i in np.unique(ids[out == UNKNOWN]))
        raise UnknownLabelError(f"Unknown ids: {unknown[:10]}. Expected {allowed}.")
    return out


def label_named(name: str) -> Label | None:
    """Return the row of a class by its Cityscapes name, as annotation tools write it; None if unknown.

    Capitals, and `_` or `-` for a space, do not matter; "cargroup" is "car", as in the benchmark.
    """
    plain = " ".join(re.split(r"[\s_-]+", name.lower())).strip()
    if plain in _IGNORE_NAMES:
        return BY_NAME["unlabeled"]
    return BY_NAME.get(plain) or BY_NAME.get(plain.removesuffix("group").rstrip())


def to_train_ids(label_ids: np.ndarray) -> np.ndarray:
    """Convert Cityscapes label ids into train ids.

    Args:
      label_ids: integers of any shape, in -1..33 (255 in an 8-bit file means -1).

    Returns:
      uint8 of the same shape, in 0..18, or 255 where the class is not scored.

    Raises:
      UnknownLabelError: an id is not in the label table.
    """
    return _look_up(label_ids, _TO_TRAIN, "Cityscapes label ids (-1 to 33)")


def to_label_ids(train_ids: np.ndarray) -> np.ndarray:
    """Convert train ids (0..18, 255 = ignore) into label ids; ignore becomes 0, "unlabeled".

    Raises:
      UnknownLabelError: an id is neither a train id nor 255.
    """
    return _look_up(train_ids, _TO_LABEL, "train ids (0 to 18, or 255 = ignore)")


def colorize(train_ids: np.ndarray) -> np.ndarray:
    """Paint train ids [H, W] in the benchmark's colours: uint8 [H, W, 3], RGB, ignore = black."""
    colors: np.ndarray = _PALETTE[train_ids]
    return colors


def table_hash() -> str:
    """Return the identity of this table, the SHA-256 of its rows in hex. A saved model holds it."""
    return hashlib.sha256(repr([tuple(row) for row in LABELS]).encode()).hexdigest()

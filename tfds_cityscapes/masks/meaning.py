"""The meanings that a mask can have: its ids as label ids or train ids, or its colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tfds_cityscapes.labels import (
    BY_NAME,
    CLASS_NAMES,
    IGNORE_LABEL,
    LABELS,
    NUM_CLASSES,
    TRAIN_LABELS,
)
from tfds_cityscapes.masks import reasons
from tfds_cityscapes.masks.pixels import Color, Pixels
from tfds_cityscapes.masks.png import MaskError

Encoding = Literal["label_ids", "train_ids", "color"]
_LICENSE_PLATE = BY_NAME["license plate"].label_id % 256
# -1 is 255 in 8 bits and 65535 in 16.
_LABEL_ID_OF_ID: dict[str, dict[int, int]] = {
    "label_ids": {row.label_id % 256: row.label_id % 256 for row in LABELS}
    | {65535: _LICENSE_PLATE},
    "train_ids": {row.train_id: row.label_id for row in TRAIN_LABELS} | {IGNORE_LABEL: 0, 65535: 0},
}
# Scored classes last: they win a colour that two classes share (pole over polegroup, car over
# license plate), as the network has no other name for it. "unlabeled" is the first black one.
_LABEL_ID_OF_COLOR: dict[Color, int] = {
    row.color: row.label_id for row in (*reversed(LABELS[:-1]), *TRAIN_LABELS)
}
_ROWS = {row.label_id % 256: row for row in LABELS}


@dataclass(frozen=True)
class Meaning:
    """One way to read a mask.

    Attributes:
      how: in words.
      label_ids: stored value -> label id (0..33; 255 is -1).
    """

    how: str
    label_ids: dict[int, int]

    @property
    def classes(self) -> dict[int, int]:
        """The train id of each stored value."""
        return {value: _ROWS[label_id].train_id for value, label_id in self.label_ids.items()}

    def agrees(self, other: Meaning) -> bool:
        """Return whether every stored value is the same class, or shares its colour with it."""
        return all(
            _ROWS[mine].train_id == _ROWS[theirs].train_id
            or _ROWS[mine].color == _ROWS[theirs].color
            for mine, theirs in (
                (label_id, other.label_ids[v]) for v, label_id in self.label_ids.items()
            )
        )

    def __str__(self) -> str:
        found = sorted(set(self.classes.values()))
        names = ["ignore" if i == IGNORE_LABEL else CLASS_NAMES[i] for i in found[:6]]
        return f"{self.how} ({', '.join(names)}{', …' if len(found) > 6 else ''})"


def by_ids(pixels: Pixels, encoding: Encoding) -> dict[str, Meaning]:
    """Return the meanings of ids whose encoding is known, for each reading in which all exist."""
    known = _LABEL_ID_OF_ID[encoding]
    return {
        how: Meaning(
            f"{how}, as {reasons.WORDS[encoding]}", {value: known[i] for value, i in ids.items()}
        )
        for how, ids in pixels.ids.items()
        if set(ids.values()) <= set(known)
    }


def by_colors(pixels: Pixels) -> Meaning | None:
    """Return the meaning of the Cityscapes colours; None if there are others, or none."""
    colors = pixels.colors
    if colors is None or unknown_colors(pixels):
        return None
    return Meaning(
        "the Cityscapes colours", {v: _LABEL_ID_OF_COLOR[color] for v, color in colors.items()}
    )


def unknown_colors(pixels: Pixels) -> list[Color]:
    """Return the colours that are not in the Cityscapes label table."""
    return [color for color in (pixels.colors or {}).values() if color not in _LABEL_ID_OF_COLOR]


def unknown_ids(used: Sequence[int], encoding: Encoding) -> list[int]:
    """Return the ids that the encoding lacks, ascending."""
    return sorted(set(used) - set(_LABEL_ID_OF_ID[encoding]))


def are_train_ids(used: Sequence[int]) -> bool:
    """Return whether ids that are called label ids can only be train ids: 255 beside 0 to 18 alone."""
    others = [i for i in used if i < IGNORE_LABEL]
    return bool(others) and max(used) >= IGNORE_LABEL and max(others) < NUM_CLASSES


def check_label_ids(used: Sequence[int]) -> None:
    """Reject ids that are called label ids and can only be train ids; MaskError."""
    if are_train_ids(used):
        raise MaskError(reasons.train_ids_as_label_ids(used))


def only(found: Sequence[Meaning], remedy: str) -> Meaning:
    """Return the meaning that all readings agree on; MaskError, which names two, if they do not."""
    first = found[0]
    for other in found[1:]:
        if not first.agrees(other):
            raise MaskError(
                f"The mask can be read in two ways with different classes: by {first}, or by {other}. "
                f"{remedy}"
            )
    return first

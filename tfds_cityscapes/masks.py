"""Decide what the numbers or colours of a mask mean, and return them as train ids.

Every mask of this project is understood here, whoever hands it in. What is written decides: the name
of the file, and the colours of a palette. Where they contradict each other or the numbers, the mask is
rejected: a wrong guess would swap classes unnoticed.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from tfds_cityscapes.labels import (
    IGNORE_LABEL,
    LABELS,
    NUM_CLASSES,
    TRAIN_LABELS,
    UnknownLabelError,
    to_label_ids,
    to_train_ids,
)
from tfds_cityscapes.png import Png

Encoding = Literal["label_ids", "train_ids", "color"]
_WORDS: dict[Encoding, str] = {"label_ids": "label ids", "train_ids": "train ids"}
_MAX_LABEL_ID = max(row.label_id for row in LABELS)
_TABLE = "the Cityscapes label table"
# Scored classes last: they win a colour that two classes share (pole over polegroup, car over
# license plate), as the network has no other name for it.
_TRAIN_ID_OF_COLOR: dict[tuple[int, int, int], int] = {
    row.color: row.train_id for row in (*LABELS, *TRAIN_LABELS)
}


class MaskError(ValueError):
    """A mask cannot be understood; the message says what it holds and what to do."""


class UnknownColorsError(MaskError):
    """A mask holds colours that its table lacks."""


def train_ids_of(png: Png, encoding: Encoding | None) -> np.ndarray:
    """Return a mask as train ids; erased pixels are ignored.

    Args:
      png: the mask.
      encoding: what its name says; None for a name that says nothing. Then the content decides, if
        only one reading is possible: colours of the label table; ids above 18 (not train ids); 255
        among ids up to 18 (the benchmark's files of label ids never hold 255).

    Returns:
      uint8 [H, W], in 0..18, or 255.

    Raises:
      MaskError: the mask holds unknown ids or colours, or more than one reading is possible.
      PngError: its pixels are damaged.
    """
    train_ids = _read(png, encoding)
    erased = png.erased()
    if erased is not None:
        train_ids = np.where(erased, np.uint8(IGNORE_LABEL), train_ids)
    return train_ids


def _read(png: Png, encoding: Encoding | None) -> np.ndarray:
    if encoding == "color":
        return from_colors(png.colors(), _TRAIN_ID_OF_COLOR)
    numbers = png.numbers()
    if numbers is None:
        if encoding is None:
            return from_colors(png.colors(), _TRAIN_ID_OF_COLOR)
        raise MaskError(
            "The mask holds colours, not ids in one channel. If they are the Cityscapes colours, "
            "let the file's name end with _color.png."
        )
    if encoding is None:
        by_color = _by_color(png)
        if by_color is not None:
            return by_color
        if png.has_colored_palette:
            raise MaskError(
                "The mask has a palette whose colours are not the Cityscapes ones, so nothing says what "
                "its numbers mean. Add _labelIds or _trainIds to the end of the file's name, before "
                ".png, if they are that."
            )
        encoding = _encoding_of_ids(numbers.values)
    by_number = from_ids(numbers.values, encoding)
    if png.has_colored_palette:
        _check_palette(png, by_number, encoding)
    return by_number


def _by_color(png: Png) -> np.ndarray | None:
    """Read a palette or three equal channels as Cityscapes colours; None if they are not."""
    if not (png.has_colored_palette or png.header.is_color):
        return None
    try:
        train_ids = from_colors(png.colors(), _TRAIN_ID_OF_COLOR)
    except UnknownColorsError:
        return None
    return train_ids if (train_ids != IGNORE_LABEL).any() else None


def _check_palette(png: Png, by_number: np.ndarray, encoding: Encoding) -> None:
    by_color = _by_color(png)
    if by_color is None:  # a palette that only makes the numbers visible
        return
    scored = (by_color != IGNORE_LABEL) & (by_number != IGNORE_LABEL)
    if (by_color != by_number)[scored].any():
        row, column = (int(n[0]) for n in np.nonzero(scored & (by_color != by_number)))
        names = [TRAIN_LABELS[ids[row, column]].name for ids in (by_color, by_number)]
        raise MaskError(
            f"The palette and the numbers of the mask contradict each other: by its colours, the pixel "
            f"at row {row}, column {column} is {names[0]}; as {_WORDS[encoding]}, which the name says, "
            f"it is {names[1]}. Save it without a palette, or as colours named _color.png."
        )


def from_ids(ids: np.ndarray, encoding: Encoding) -> np.ndarray:
    """Convert numbers into train ids.

    Args:
      ids: integers [H, W].
      encoding: "label_ids" or "train_ids".

    Raises:
      MaskError: an id is unknown, or the numbers are certainly the other kind.
    """
    try:
        if encoding == "train_ids":
            to_label_ids(ids)
            return ids.astype(np.uint8)
        check_not_train_ids(ids)
        return to_train_ids(ids)
    except UnknownLabelError as error:
        raise MaskError(str(error)) from error


def check_not_train_ids(ids: np.ndarray) -> None:
    """Reject numbers that are said to be label ids and are train ids.

    Raises:
      MaskError: there are pixels of 255, which files of label ids never hold, and none above 18.
    """
    used = _used(ids)
    if IGNORE_LABEL in used and all(i < NUM_CLASSES or i == IGNORE_LABEL for i in used):
        raise MaskError(
            f"The mask is said to hold label ids, but its values ({_list(used)}) are train ids: label ids "
            "never contain 255, and here none is above 18. If they are train ids, let the file's name "
            "end with _labelTrainIds.png; if not, write 0 for unlabeled pixels."
        )


def _encoding_of_ids(ids: np.ndarray) -> Encoding:
    used = _used(ids)
    inner = [i for i in used if i != IGNORE_LABEL]
    if any(i > _MAX_LABEL_ID for i in inner):
        raise MaskError(
            f"The mask holds {inner[-1]}, which is neither a label id (0 to {_MAX_LABEL_ID}) nor a "
            f"train id (0 to {NUM_CLASSES - 1}, 255). Save a mask in colours with three channels."
        )
    if any(i >= NUM_CLASSES for i in inner):
        return "label_ids"
    if IGNORE_LABEL in used and inner not in ([], [0]):
        return "train_ids"
    if IGNORE_LABEL in used:
        raise MaskError(
            f"The mask is black and white (values {_list(used)}), which says nothing about classes. As "
            "train ids, 0 would be road and 255 ignored; if that is meant, let the file's name end with "
            "_trainIds.png. Otherwise hand in one mask with the ids of all classes."
        )
    raise MaskError(
        f"The values of the mask ({_list(inner)}) can be label ids or train ids. "
        "Add _labelIds or _trainIds to the end of the file's name, before .png."
    )


def _used(ids: np.ndarray) -> list[int]:
    if ids.dtype == np.uint8:  # ten times as fast as sorting
        return np.flatnonzero(np.bincount(ids.ravel(), minlength=256)).tolist()
    return [int(i) for i in np.unique(ids)]


def _list(values: list[int]) -> str:
    return ", ".join(map(str, values[:20]))


def from_colors(
    colors: np.ndarray, ids: dict[tuple[int, int, int], int], table: str = _TABLE
) -> np.ndarray:
    """Look colours up.

    Args:
      colors: uint8 [H, W, 3], RGB.
      ids: colour -> its number, 0..255.
      table: what the error calls `ids`.

    Returns:
      uint8 [H, W].

    Raises:
      UnknownColorsError: a colour is not in `ids`.
    """
    packed = colors.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    distinct, inverse = np.unique(packed, return_inverse=True)
    names = [(int(c) >> 16, (int(c) >> 8) & 255, int(c) & 255) for c in distinct[:4096]]
    unknown = [color for color in names if color not in ids]
    if unknown:
        raise UnknownColorsError(_unknown_colors(unknown, len(distinct), table))
    numbers: np.ndarray = np.array([ids[color] for color in names], np.uint8)
    return numbers[inverse.reshape(packed.shape)]


def _unknown_colors(unknown: list[tuple[int, int, int]], distinct: int, table: str) -> str:
    some = ", ".join(map(str, unknown[:3]))
    message = f"The mask has colours that are not in {table}: {len(unknown)}, such as RGB {some}."
    if all(red <= _MAX_LABEL_ID and green == blue == 0 for red, green, blue in unknown):
        return f"{message} They look like ids in the red channel: save them with one channel."
    if distinct > 256:
        return f"{message} Draw without smoothed edges and save as PNG."
    return f"{message} Use the colours of that table, or save ids with one channel."

"""Read and write PNG masks, one per image: label ids, train ids, or the Cityscapes colours.

Which of the three a file holds is decided, in this order, by
1. an explicit `encoding`;
2. the end of its name: `_labelIds`, `_trainIds` or `_labelTrainIds`, `_color`;
3. its content, if only one reading is possible: colours of the label table; ids above 18 (not
   train ids); 255 among ids up to 18 (the benchmark's label id files never hold 255).
Any other file, such as one with ids 0 to 18 only, is rejected: a wrong guess would swap classes
unnoticed.
"""

from __future__ import annotations

import re
from typing import Literal

import cv2
import numpy as np

from components.contracts.annotation.fields import UNKNOWN_ANNOTATOR, clean, image_id_of_file
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import Annotation, AnnotationError
from components.contracts.annotation.png import Png
from tfds_cityscapes.labels import (
    IGNORE_LABEL,
    LABELS,
    NUM_CLASSES,
    TRAIN_LABELS,
    UnknownLabelError,
    colorize,
    to_label_ids,
    to_train_ids,
)

Encoding = Literal["label_ids", "train_ids", "color"]

_SUFFIXES: tuple[tuple[str, Encoding], ...] = (
    (r"_labelTrainIds$", "train_ids"),
    (r"_trainIds$", "train_ids"),
    (r"_labelIds$", "label_ids"),
    (r"_color$", "color"),
)
_FILE_ENDS: dict[Encoding, str] = {
    "label_ids": "_gtFine_labelIds.png",
    "train_ids": "_gtFine_labelTrainIds.png",
    "color": "_gtFine_color.png",
}
_MAX_LABEL_ID = max(row.label_id for row in LABELS)
# Scored classes last: they win a colour that two classes share (pole over polegroup, car over
# license plate), as the network has no other name for it.
_TRAIN_ID_OF_COLOR: dict[tuple[int, int, int], int] = {
    row.color: row.train_id for row in (*LABELS, *TRAIN_LABELS)
}


def encoding_of_name(name: str) -> Encoding | None:
    """Return the encoding that the end of a file's name says, or None."""
    stem = re.sub(r"\.png$", "", name, flags=re.IGNORECASE)
    for pattern, encoding in _SUFFIXES:
        if re.search(pattern, stem, flags=re.IGNORECASE):
            return encoding
    return None


def read(
    name: str,
    data: bytes,
    budget: Budget,
    annotator: str = UNKNOWN_ANNOTATOR,
    encoding: Encoding | None = None,
) -> Annotation:
    """Read one mask.

    Args:
      name: of the file; it gives the image id (without ending and suffix) and the encoding.
      data: the file.
      budget: the rest of what the export may cost.
      annotator: who labeled it; the format does not say.
      encoding: of the pixels, if the caller knows it; otherwise see the module.

    Raises:
      AnnotationError: the mask is broken, too large or ambiguous, or has unknown ids or colours.
    """
    image_id = image_id_of_file(name)
    png = Png(data, budget)
    train_ids = _train_ids(png, encoding or encoding_of_name(name))
    budget.spend(*train_ids.shape)
    return Annotation(image_id, train_ids, annotator, None, clean(name, 400))


def write(train_ids: np.ndarray, encoding: Encoding = "train_ids") -> bytes:
    """Encode a label map, uint8 [H, W] of train ids, as a PNG file."""
    if encoding == "color":
        pixels = colorize(train_ids)[..., ::-1]
    else:
        pixels = to_label_ids(train_ids) if encoding == "label_ids" else train_ids
    return cv2.imencode(".png", pixels)[1].tobytes()


def file_name(image_id: str, encoding: Encoding = "train_ids") -> str:
    """Return the file name from which `read` finds the image id and the encoding."""
    return image_id + _FILE_ENDS[encoding]


class UnknownColorsError(AnnotationError):
    """A mask holds colours that its table lacks."""


def from_colors(
    colors: np.ndarray,
    ids: dict[tuple[int, int, int], int],
    table: str = "the Cityscapes label table",
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
        raise UnknownColorsError(
            f"The mask has colours that are not in {table}: {len(unknown)}, such as RGB "
            f"{', '.join(map(str, unknown[:3]))}. Draw without smoothed edges and save as PNG."
        )
    numbers: np.ndarray = np.array([ids[color] for color in names], np.uint8)
    return numbers[inverse.reshape(packed.shape)]


def _train_ids(png: Png, encoding: Encoding | None) -> np.ndarray:
    if encoding == "color":
        return from_colors(png.colors(), _TRAIN_ID_OF_COLOR)
    ids = png.ids()
    if encoding is None:
        if png.header.is_color or png.header.has_palette:
            try:
                train_ids = from_colors(png.colors(), _TRAIN_ID_OF_COLOR)
                if ids is None or (train_ids != IGNORE_LABEL).any():
                    return train_ids
            except UnknownColorsError:
                if ids is None:
                    raise
        if ids is not None:
            encoding = _encoding_of_ids(ids)
    if ids is None:
        raise AnnotationError(
            "The mask holds colours, not ids in one channel. If they are the Cityscapes colours, "
            "let the file's name end with _color.png."
        )
    try:
        return to_train_ids(ids) if encoding == "label_ids" else _checked_train_ids(ids)
    except UnknownLabelError as error:
        raise AnnotationError(str(error)) from error


def _checked_train_ids(ids: np.ndarray) -> np.ndarray:
    to_label_ids(ids)
    return ids.astype(np.uint8)


def _encoding_of_ids(ids: np.ndarray) -> Encoding:
    used = [int(i) for i in np.unique(ids)]
    inner = [i for i in used if i != IGNORE_LABEL]
    if any(i > _MAX_LABEL_ID for i in inner):
        raise AnnotationError(
            f"The mask holds {inner[-1]}, which is neither a label id (0 to {_MAX_LABEL_ID}) nor a "
            f"train id (0 to {NUM_CLASSES - 1}, 255). Save a mask in colours with three channels."
        )
    if any(i >= NUM_CLASSES for i in inner):
        return "label_ids"
    if IGNORE_LABEL in used:
        return "train_ids"
    raise AnnotationError(
        f"The values of the mask ({', '.join(map(str, inner[:20]))}) can be label ids or train ids. "
        "Add _labelIds or _trainIds to the end of the file's name, before .png."
    )

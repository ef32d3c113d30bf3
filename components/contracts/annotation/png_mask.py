"""PNG masks: one file an image, its pixels label ids, train ids, or the Cityscapes colours.

Which of the three a file holds is told, in this order, by
1. an explicit `encoding`;
2. the end of its name: `_labelIds`, `_trainIds` or `_labelTrainIds`, `_color`;
3. its content, where only one reading is possible: colours of the label table; ids above 18
   (no train ids); 255 among ids up to 18 (the benchmark's label id files never hold 255).
Any other file, such as one with ids 0 to 18 only, is refused: a guess would swap classes unseen.
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
    """What the end of a file's name says about its pixels, or None."""
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
    """Reads one mask.

    Args:
      name: of the file; it gives the image id (without ending and suffix) and the encoding.
      data: the file.
      budget: what the export may still cost.
      annotator: who made it; the format does not say.
      encoding: what the pixels hold, where the caller knows; otherwise see the module.

    Raises:
      AnnotationError: broken, too large, ids or colours that the label table lacks, or ambiguous.
    """
    image_id = image_id_of_file(name)
    png = Png(data, budget)
    train_ids = _train_ids(png, encoding or encoding_of_name(name))
    budget.spend(*train_ids.shape)
    return Annotation(image_id, train_ids, annotator, None, clean(name, 400))


def write(train_ids: np.ndarray, encoding: Encoding = "train_ids") -> bytes:
    """Encodes a label map, uint8 [H, W] of train ids, as a PNG file."""
    if encoding == "color":
        pixels = colorize(train_ids)[..., ::-1]
    else:
        pixels = to_label_ids(train_ids) if encoding == "label_ids" else train_ids
    return cv2.imencode(".png", pixels)[1].tobytes()


def file_name(image_id: str, encoding: Encoding = "train_ids") -> str:
    """The name under which `read` knows image and encoding again."""
    return image_id + _FILE_ENDS[encoding]


def from_colors(
    colors: np.ndarray, train_id_of_color: dict[tuple[int, int, int], int]
) -> np.ndarray | list[tuple[int, int, int]]:
    """Looks colours up: uint8 [H, W, 3] RGB to uint8 [H, W]; a list of what the table lacks."""
    packed = colors.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    found, inverse = np.unique(packed, return_inverse=True)
    names = [(int(c) >> 16, (int(c) >> 8) & 255, int(c) & 255) for c in found[:4096]]
    unknown = [color for color in names if color not in train_id_of_color]
    if unknown or len(found) > len(names):
        return unknown or names
    table = np.array([train_id_of_color[color] for color in names], np.uint8)
    return table[inverse.reshape(packed.shape)]


def unknown_colors(unknown: list[tuple[int, int, int]], table: str) -> AnnotationError:
    """The reason for colours that a table lacks."""
    return AnnotationError(
        f"Expected only the colours of {table}; got {len(unknown)} others, such as RGB "
        f"{', '.join(map(str, unknown[:3]))}. Draw without smoothed edges and save as PNG."
    )


def _train_ids(png: Png, encoding: Encoding | None) -> np.ndarray:
    if encoding == "color":
        found = from_colors(png.colors(), _TRAIN_ID_OF_COLOR)
        if isinstance(found, list):
            raise unknown_colors(found, "the Cityscapes label table")
        return found
    ids = png.ids()
    if encoding is None:
        if png.header.is_color or png.header.has_palette:
            found = from_colors(png.colors(), _TRAIN_ID_OF_COLOR)
            if isinstance(found, list):
                if ids is None:
                    raise unknown_colors(found, "the Cityscapes label table")
            elif ids is None or (found != IGNORE_LABEL).any():
                return found
        if ids is not None:
            encoding = _encoding_of_ids(ids)
    if ids is None:
        raise AnnotationError(
            "Expected a mask of ids (one channel); got colours. If they are the Cityscapes "
            "colours, let the file's name end with _color.png."
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
            f"Expected label ids (0 to {_MAX_LABEL_ID}) or train ids (0 to {NUM_CLASSES - 1}, "
            f"255); got {inner[-1]}. A mask in colours must be saved with its three channels."
        )
    if any(i >= NUM_CLASSES for i in inner):
        return "label_ids"
    if IGNORE_LABEL in used:
        return "train_ids"
    raise AnnotationError(
        "Expected to know whether the mask holds label ids or train ids; its values "
        f"({', '.join(map(str, inner[:20]))}) can be either. Add _labelIds or _trainIds to the "
        "end of the file's name, before .png."
    )

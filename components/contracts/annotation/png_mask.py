"""Read and write PNG masks, one per image: label ids, train ids, or the Cityscapes colours.

Which of the three a file holds is decided, in this order, by an explicit `encoding`, by the end of its
name (`_labelIds`, `_trainIds` or `_labelTrainIds`, `_color`), or by its content, if only one reading is
possible: see `tfds_cityscapes.masks`.
"""

from __future__ import annotations

import re

import cv2
import numpy as np

from components.contracts.annotation.fields import UNKNOWN_ANNOTATOR, clean, image_id_of_file
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import Annotation, AnnotationError
from tfds_cityscapes.labels import colorize, to_label_ids
from tfds_cityscapes.masks import Encoding, MaskError, train_ids_of
from tfds_cityscapes.png import Png, PngError

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
    try:
        train_ids = train_ids_of(Png(data, budget.check), encoding or encoding_of_name(name))
    except (MaskError, PngError) as error:
        raise AnnotationError(str(error)) from error
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

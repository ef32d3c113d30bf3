"""Read and write PNG masks, one per image: label ids, train ids, or the Cityscapes colours.

`tfds_cityscapes.masks` reads them, for people's labels as for data sets and predictions.
"""

from __future__ import annotations

import re

import cv2
import numpy as np

from components.contracts.annotation.fields import UNKNOWN_ANNOTATOR, clean
from components.contracts.annotation.known import ANY_IMAGE, KnownImages
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import Annotation, AnnotationError
from tfds_cityscapes.labels import colorize, to_label_ids, to_train_ids
from tfds_cityscapes.masks import ClassTable, Encoding, MaskError, encoding_of_name, read_label_ids
from tfds_cityscapes.masks.png import SIGNATURE

__all__ = ["SIGNATURE", "Encoding", "encoding_of_name", "file_name", "read", "read_pixels", "write"]
# What Roboflow adds to the name of an image, such as in x_png.rf.0123456789abcdef_mask.png.
_ROBOFLOW = re.compile(r"((_(png|jpe?g))?\.rf\.\w{8,40}?)?_mask(?=\.png$)", re.IGNORECASE)
_FILE_ENDS: dict[Encoding, str] = {
    "label_ids": "_gtFine_labelIds.png",
    "train_ids": "_gtFine_labelTrainIds.png",
    "color": "_gtFine_color.png",
}


def read(
    name: str,
    data: bytes,
    budget: Budget,
    annotator: str = UNKNOWN_ANNOTATOR,
    encoding: Encoding | None = None,
    table: ClassTable | None = None,
    images: KnownImages = ANY_IMAGE,
) -> Annotation:
    """Read one mask.

    Args:
      name: of the file; it gives the image id (without ending and suffix) and the encoding.
      data: the file.
      budget: the rest of what the export may cost.
      annotator: who labeled it; the format does not say.
      encoding: what a name without a suffix means, if the caller knows it.
      table: what the ids and colours mean, if there is a table beside the mask.
      images: those that are known.

    Raises:
      AnnotationError: the mask is broken, too large or ambiguous, or has unknown ids or colours.
    """
    image_id = images.id_of_mask(_ROBOFLOW.sub("", name) if table is not None else name)
    train_ids = read_pixels(name, data, budget, encoding, table)
    return Annotation(image_id, train_ids, annotator, None, clean(name, 400))


def read_pixels(
    name: str,
    data: bytes,
    budget: Budget,
    encoding: Encoding | None = None,
    table: ClassTable | None = None,
) -> np.ndarray:
    """Return the train ids of a mask, uint8 [H, W]; arguments and errors are those of `read`."""
    try:
        label_ids = read_label_ids(
            name, data, encoding=encoding, table=table, max_pixels=budget.limits.max_pixels
        )
    except MaskError as error:
        raise AnnotationError(str(error)) from error
    budget.spend(*label_ids.shape)
    return to_train_ids(label_ids)


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

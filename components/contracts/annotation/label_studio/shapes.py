"""Paint the shapes of Label Studio's regions: strokes, bitmasks, polygons, rectangles, ellipses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.contracts.annotation.bitmap import marked
from components.contracts.annotation.fields import items_of, quote, real
from components.contracts.annotation.fill import corners, paint_box, paint_ellipse, paint_outline
from components.contracts.annotation.label_studio import rle
from components.contracts.annotation.model import AnnotationError

_LOW, _HIGH = -100.0, 200.0  # percent of the image: a region may reach beyond it
_KINDS_UNREAD = ("vector", "video")
# The prompts of a model that draws masks stay beside the masks; some carry the mask's RLE.
_KINDS_OF_PROMPTS = ("rectangle", "ellipse")
_SIDES = ("x", "y", "width", "height", "radiusX", "radiusY")
# What tells the shapes apart where the type does not, as with <Labels>; "height": a rectangle.
_AREAS = ("rle", "imageDataURL", "points", "radiusX", "height")


def has_area(kind: str, value: Mapping[str, Any]) -> bool:
    """Return whether a result is a region that covers pixels, by its type and value.

    A keypoint covers none, and neither does a prompt; a choice or a comment is no region.

    Raises:
      AnnotationError: it is a region of a kind that cannot be read.
    """
    if kind.startswith(_KINDS_UNREAD):
        raise AnnotationError(
            f"A region has the type {quote(kind)}, which cannot be read. Draw it with the brush or as "
            "a polygon."
        )
    if kind.startswith("keypoint") or (kind.startswith(_KINDS_OF_PROMPTS) and "rle" in value):
        return False
    keys = _SIDES if kind.startswith(_KINDS_OF_PROMPTS) else _AREAS
    return any(key in value for key in keys)


def paint_region(train_ids: np.ndarray, value: Mapping[str, Any], train_id: int) -> None:
    """Paint one region that `has_area`.

    Args:
      train_ids: uint8 [H, W], changed in place.
      value: of the result; lengths are in percent of the image.
      train_id: the class.

    Raises:
      AnnotationError: a number is missing or out of range, or a mask is damaged.
    """
    height, width = train_ids.shape
    if "rle" in value:
        train_ids[_stroke(value["rle"], height, width)] = train_id
    elif "imageDataURL" in value:
        train_ids[marked(value["imageDataURL"], height, width, "A")] = train_id
    elif "points" in value:
        points = corners(value["points"], _LOW, _HIGH, "percent of the image")
        paint_outline(train_ids, points * [width / 100, height / 100], train_id)
    else:
        x = _percent(value, "x") * width / 100
        y = _percent(value, "y") * height / 100
        turn = real(value.get("rotation") or 0, "the rotation of a region", -3600, 3600)
        if "radiusX" in value:
            radii = _length(value, "radiusX") * width, _length(value, "radiusY") * height
            paint_ellipse(train_ids, (x, y), radii, train_id, turn)
        else:
            right, bottom = (
                x + _length(value, "width") * width,
                y + _length(value, "height") * height,
            )
            paint_box(train_ids, (x, y, right, bottom), train_id, turn, pivot=(x, y))


def _stroke(value: object, height: int, width: int) -> np.ndarray:
    try:
        stream = bytes(items_of(value, "a brush stroke"))
    except (TypeError, ValueError) as error:
        raise AnnotationError(
            "A brush stroke is not a list of bytes (0 to 255). Export it again."
        ) from error
    return rle.decode_mask(stream, height, width)


def _percent(value: Mapping[str, Any], key: str) -> float:
    return real(value.get(key), f"the {key} of a region (in percent)", _LOW, _HIGH)


def _length(value: Mapping[str, Any], key: str) -> float:
    """Return a length as a fraction of the image's side."""
    return real(value.get(key), f"the {key} of a region (in percent)", 0, 2 * _HIGH) / 100

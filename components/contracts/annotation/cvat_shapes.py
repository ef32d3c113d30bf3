"""Paint the shapes of CVAT, whichever of its formats they come in.

Shapes are painted by `z_order`, and in their own order where that is equal. Lines, points, skeletons and
tags have no area.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from components.contracts.annotation.fields import quote, real, train_id_of, whole
from components.contracts.annotation.fill import (
    paint_box,
    paint_ellipse,
    paint_outline,
    pixel_corners,
)
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import AnnotationError
from components.contracts.annotation.runs import expand
from tfds_cityscapes.labels import IGNORE_LABEL

_WITHOUT_AREA = ("polyline", "points", "skeleton", "tag", "attribute")


@dataclass(frozen=True)
class Shape:
    """A shape that covers pixels.

    Attributes:
      kind: "polygon", "box", "ellipse" or "mask".
      label: the name of its class.
      points: x and y in pixels: the corners of a polygon; left-top and right-bottom of a box; the
        centre and the two radii of an ellipse; left-top, and width and height, of a mask.
      z_order: shapes with a higher one cover those with a lower one.
      degrees: by which a box or an ellipse is turned, clockwise.
      runs: of a mask: lengths of runs, outside and inside in turn, row by row within its box.
    """

    kind: str
    label: object
    points: Sequence[Sequence[float]]
    z_order: float = 0.0
    degrees: float = 0.0
    runs: Sequence[int] = ()


def has_area(kind: object, areas: Sequence[str]) -> bool:
    """Return whether a kind of shape is one of `areas`; AnnotationError if it is of an unknown kind."""
    if kind in areas:
        return True
    if kind in _WITHOUT_AREA:
        return False
    raise AnnotationError(
        f"A shape has the type {quote(kind)}, which cannot be read. Draw it as a polygon or a mask."
    )


def paint(size: tuple[int, int], shapes: Iterable[Shape], budget: Budget) -> np.ndarray:
    """Return the label map of an image: uint8 [H, W] of train ids, 255 where no shape is.

    Args:
      size: height and width of the image.
      shapes: in any order.
      budget: the rest of what the export may cost.

    Raises:
      AnnotationError: the image or a shape is not possible, or a class is unknown.
    """
    ordered = sorted(shapes, key=lambda shape: real(shape.z_order, "a z_order", -(2**31), 2**31))
    budget.check_objects(len(ordered))
    budget.spend(*size)
    train_ids = np.full(size, IGNORE_LABEL, np.uint8)
    for shape in ordered:
        _paint_one(train_ids, shape)
    return train_ids


def _paint_one(train_ids: np.ndarray, shape: Shape) -> None:
    train_id = train_id_of(shape.label)
    turn = real(shape.degrees, "the rotation of a shape", -3600, 3600)
    if shape.kind == "polygon":
        corners = [list(point) for point in shape.points]
        paint_outline(train_ids, pixel_corners(corners, train_ids.shape), train_id)
        return
    if shape.kind == "mask":
        _paint_mask(train_ids, shape, train_id)
        return
    side = max(train_ids.shape)
    (x0, y0), (x1, y1) = (
        (real(x, "a place of a shape", -side, 2 * side), real(y, "a place", -side, 2 * side))
        for x, y in shape.points
    )
    if shape.kind == "box":
        paint_box(train_ids, (x0, y0, x1, y1), train_id, turn)
    else:
        paint_ellipse(train_ids, (x0, y0), (x1, y1), train_id, turn)


def _paint_mask(train_ids: np.ndarray, shape: Shape, train_id: int) -> None:
    height, width = train_ids.shape
    (x, y), (wide, high) = shape.points
    left, top = (
        whole(x, "the left of a shape", 0, width - 1),
        whole(y, "the top of a shape", 0, height - 1),
    )
    columns = whole(wide, "the width of a shape", 1, width - left)
    rows = whole(high, "the height of a shape", 1, height - top)
    inside = expand(list(shape.runs), rows * columns).reshape(rows, columns)
    train_ids[top : top + rows, left : left + columns][inside] = train_id

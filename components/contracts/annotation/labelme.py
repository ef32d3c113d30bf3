"""Read labelme's JSON, one file for each image; AnyLabeling writes it as well.

Shapes are painted in order, later ones over earlier ones. Lines and points have no area.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from components.contracts.annotation.bitmap import marked
from components.contracts.annotation.fields import (
    MAX_SIDE,
    UNKNOWN_ANNOTATOR,
    clean,
    fields_of,
    items_of,
    quote,
    train_id_of,
    whole,
)
from components.contracts.annotation.fill import (
    paint_box,
    paint_ellipse,
    paint_outline,
    pixel_corners,
)
from components.contracts.annotation.known import ANY_IMAGE, KnownImages
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import Annotation, AnnotationError
from components.contracts.process.words import counted
from tfds_cityscapes.labels import IGNORE_LABEL

_WITHOUT_AREA = ("point", "points", "line", "linestrip")
_POLYGONS = ("polygon", "rotation", "oriented_rectangle", "quadrilateral")


def is_labelme(value: object) -> bool:
    """Return whether parsed JSON is a file of this format."""
    return isinstance(value, dict) and "shapes" in value and "imagePath" in value


def read(
    name: str,
    value: Mapping[str, Any],
    budget: Budget,
    annotator: str = UNKNOWN_ANNOTATOR,
    images: KnownImages = ANY_IMAGE,
) -> Annotation:
    """Read one file.

    Args:
      name: of the file.
      value: the parsed JSON; its `imagePath` says which image it is for. If that image is unknown,
        the name of the file does.
      budget: the rest of what the export may cost.
      annotator: who labeled it; the format does not say.
      images: those that are known.

    Raises:
      AnnotationError: a size, a label or a shape is impossible.
    """
    image_id = _image_id(name, file_name(value), images)
    shapes = [fields_of(shape, "a shape") for shape in items_of(value["shapes"], "shapes")]
    budget.check_objects(len(shapes))
    size = _size(value, images.size_of(image_id))
    budget.spend(*size)
    train_ids = np.full(size, IGNORE_LABEL, np.uint8)
    for shape in shapes:
        _paint(train_ids, shape)
    return Annotation(image_id, train_ids, annotator, None, clean(name, 400))


def file_name(value: Mapping[str, Any]) -> str | None:
    """Return the name of the image that a file is about, or None."""
    path = value["imagePath"]
    return path if isinstance(path, str) and path else None


def _image_id(name: str, image: str | None, images: KnownImages) -> str:
    if image is None:
        return images.id_of_file(name)
    return images.one_of_files([image, name]) or images.id_of_file(image)


def _size(value: Mapping[str, Any], known_size: tuple[int, int] | None) -> tuple[int, int]:
    """Return the height and width; files of before 2018 have neither."""
    if value.get("imageHeight") is None and value.get("imageWidth") is None and known_size:
        return known_size
    return (
        whole(value.get("imageHeight"), "imageHeight", 1, MAX_SIDE),
        whole(value.get("imageWidth"), "imageWidth", 1, MAX_SIDE),
    )


def _paint(train_ids: np.ndarray, shape: Mapping[str, Any]) -> None:
    kind = shape.get("shape_type") or "polygon"
    if kind in _WITHOUT_AREA:
        return
    train_id = train_id_of(shape.get("label"))
    points = pixel_corners(shape.get("points"), train_ids.shape)
    if kind in _POLYGONS or (kind == "rectangle" and len(points) == 4):
        paint_outline(train_ids, points, train_id, "even-odd")
        return
    if kind not in ("rectangle", "circle", "mask"):
        raise AnnotationError(
            f"A shape has the type {quote(kind)}, which cannot be read. Draw it as a polygon."
        )
    if len(points) != 2:
        raise AnnotationError(
            f"A {kind} has {counted(len(points), 'point')}; 2 were expected. Draw it again."
        )
    (x0, y0), (x1, y1) = points.tolist()
    if kind == "circle":  # the centre, and a point of the outline
        radius = math.hypot(x1 - x0, y1 - y0)
        paint_ellipse(train_ids, (x0, y0), (radius, radius), train_id)
    elif kind == "rectangle":
        paint_box(train_ids, (x0, y0, x1, y1), train_id)
    else:
        _paint_mask(
            train_ids, shape.get("mask"), (round(x0), round(y0), round(x1), round(y1)), train_id
        )


def _paint_mask(
    train_ids: np.ndarray, mask: object, box: tuple[int, int, int, int], train_id: int
) -> None:
    """Paint the mask of an object, which covers a box that includes its last row and column."""
    height, width = train_ids.shape
    left, top, right, bottom = box
    if not (0 <= left <= right < width and 0 <= top <= bottom < height):
        raise AnnotationError(
            "The mask of an object is not inside the image. Draw the object again."
        )
    marks = marked(mask, bottom + 1 - top, right + 1 - left, "L")
    train_ids[top : bottom + 1, left : right + 1][marks] = train_id

"""Read "CVAT for images 1.1": XML with the shapes of every image of a task.

Shapes are painted by `z_order`, and in the order of the file where that is equal. Lines, points and
tags have no area.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from components.contracts.annotation.fields import (
    UNKNOWN_ANNOTATOR,
    clean,
    quote,
    real,
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
from components.contracts.annotation.model import (
    Annotation,
    AnnotationError,
    Batch,
    join,
    refused,
)
from components.contracts.annotation.runs import expand
from tfds_cityscapes.labels import IGNORE_LABEL

_SHAPES = ("polygon", "box", "ellipse", "mask")
_WITHOUT_AREA = ("polyline", "points", "skeleton", "tag", "attribute")
_MAX_SIDE = 2**16
_CHOOSE = 'In CVAT, export the task as "CVAT for images 1.1" or "Segmentation mask 1.1".'


def read(
    name: str,
    data: bytes,
    budget: Budget,
    annotator: str = UNKNOWN_ANNOTATOR,
    images: KnownImages = ANY_IMAGE,
) -> tuple[Batch, list[str]]:
    """Read every image that has shapes; an image that cannot be read is rejected alone.

    Args:
      name: of the file.
      data: the file.
      budget: the rest of what the export may cost.
      annotator: who labeled it; the format does not say.
      images: those that are known.

    Returns:
      The batch, and the names of all images that the file is about.

    Raises:
      AnnotationError: the file is no XML, or of another format.
    """
    batches, names = [], []
    for image in _images(data):
        file_name = image.get("name") or ""
        names.append(file_name)
        budget.check_members(len(names))
        part = f"{name}: {clean(file_name, 100)}"
        try:
            shapes = _shapes(image)
            if shapes:
                image_id = images.id_of_file(file_name)
                train_ids = _paint(image, shapes, budget)
                annotation = Annotation(image_id, train_ids, annotator, None, clean(part, 400))
                batches.append(Batch(annotations=(annotation,)))
        except AnnotationError as error:
            batches.append(refused(part, error))
    return join(batches), names


def _images(data: bytes) -> Iterator[Element]:
    """Yield the images of a file one by one; what was read is freed."""
    root: Element | None = None
    try:
        text = data.decode("utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:  # entities can unpack to gigabytes
            raise AnnotationError(f"XML with a document type is not accepted. {_CHOOSE}")
        stream, parser = io.BytesIO(text.encode()), ElementTree.XMLParser(encoding="utf-8")  # noqa: S314, no entities
        for event, element in ElementTree.iterparse(stream, ("start", "end"), parser):  # noqa: S314
            if root is None:
                root = element
                _check_root(root)
            elif element.tag == "track":
                raise AnnotationError(f"The XML is of a video, with tracks of objects. {_CHOOSE}")
            elif event == "end" and element.tag == "image":
                yield element
                root.clear()
    except (ElementTree.ParseError, ValueError) as error:
        raise AnnotationError(
            f"The XML cannot be read ({clean(str(error), 100)}). The file may have been cut off while "
            "it was copied: export it again."
        ) from error


def _check_root(root: Element) -> None:
    if root.tag == "annotation":
        raise AnnotationError(
            "This is XML of Pascal VOC or of LabelMe 3.0. Export polygons or masks in another format: "
            '"Segmentation mask 1.1" of CVAT, JSON of Label Studio, or JSON of labelme.'
        )
    if root.tag != "annotations":
        raise AnnotationError(f"The XML holds {quote(root.tag)} and no annotations. {_CHOOSE}")


def _shapes(image: Element) -> list[Element]:
    """Return the shapes that cover pixels, in the order in which they are painted."""
    for shape in image:
        if shape.tag not in (*_SHAPES, *_WITHOUT_AREA):
            raise AnnotationError(
                f"A shape has the type {quote(shape.tag)}, which cannot be read. Draw it as a polygon "
                "or a mask."
            )
    shapes = [shape for shape in image if shape.tag in _SHAPES]
    return sorted(shapes, key=lambda shape: _number(shape, "z_order", -(2**31), 2**31, 0.0))


def _paint(image: Element, shapes: list[Element], budget: Budget) -> np.ndarray:
    budget.check_objects(len(shapes))
    size = _whole(image, "height", 1, _MAX_SIDE), _whole(image, "width", 1, _MAX_SIDE)
    budget.spend(*size)
    train_ids = np.full(size, IGNORE_LABEL, np.uint8)
    side = max(size)
    for shape in shapes:
        train_id = train_id_of(shape.get("label"))
        turn = _number(shape, "rotation", -3600, 3600, 0.0)
        if shape.tag == "polygon":
            paint_outline(train_ids, pixel_corners(_points(shape), size), train_id)
        elif shape.tag == "mask":
            _paint_mask(train_ids, shape, train_id)
        elif shape.tag == "box":
            left, top, right, bottom = (
                _number(shape, key, -side, 2 * side) for key in ("xtl", "ytl", "xbr", "ybr")
            )
            paint_box(train_ids, (left, top, right, bottom), train_id, turn)
        else:
            x, y, rx, ry = (
                _number(shape, key, -side, 2 * side) for key in ("cx", "cy", "rx", "ry")
            )
            paint_ellipse(train_ids, (x, y), (rx, ry), train_id, turn)
    return train_ids


def _points(shape: Element) -> list[list[float]]:
    """Return the corners of `x,y;x,y;…`; what is wrong with them shows when they are checked."""
    pairs = [pair.split(",") for pair in (shape.get("points") or "").split(";") if pair.strip()]
    return [[_float(number, "a corner") for number in pair] for pair in pairs]


def _paint_mask(train_ids: np.ndarray, shape: Element, train_id: int) -> None:
    """Paint a mask: runs, row by row, of pixels outside and inside in turn, within its box."""
    height, width = train_ids.shape
    left, top = _whole(shape, "left", 0, width - 1), _whole(shape, "top", 0, height - 1)
    rows, columns = (
        _whole(shape, "height", 1, height - top),
        _whole(shape, "width", 1, width - left),
    )
    texts = (shape.get("rle") or "").split(",")
    runs = [int(text) if text.strip().isdecimal() and len(text) < 12 else -1 for text in texts]
    inside = expand(runs, rows * columns).reshape(rows, columns)
    train_ids[top : top + rows, left : left + columns][inside] = train_id


def _number(
    element: Element, key: str, low: float, high: float, default: float | None = None
) -> float:
    text = element.get(key)
    if text is None and default is not None:
        return default
    return real(_float(text, key), f"the {key} of a shape", low, high)


def _whole(element: Element, key: str, low: int, high: int) -> int:
    return whole(_float(element.get(key), key), f"the {key} of a shape or image", low, high)


def _float(text: str | None, what: str) -> float:
    try:
        return float(text or "")
    except ValueError as error:
        raise AnnotationError(
            f"Wrong value for {what}: {quote(text)}. Expected a number. Export the task again."
        ) from error

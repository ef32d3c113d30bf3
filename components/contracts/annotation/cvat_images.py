"""Read "CVAT for images 1.1": XML with the shapes of every image of a task."""

from __future__ import annotations

import io
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from components.contracts.annotation.cvat_shapes import Shape, has_area, paint
from components.contracts.annotation.fields import MAX_SIDE, UNKNOWN_ANNOTATOR, clean, quote, whole
from components.contracts.annotation.known import ANY_IMAGE, KnownImages
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import (
    Annotation,
    AnnotationError,
    Batch,
    join,
    refused,
)

_SHAPES = ("polygon", "box", "ellipse", "mask")
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
                train_ids = paint(_size(image), shapes, budget)
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


def _shapes(image: Element) -> list[Shape]:
    """Return the shapes that cover pixels."""
    elements = [element for element in image if has_area(element.tag, _SHAPES)]
    return [_shape(element) for element in elements]


def _shape(element: Element) -> Shape:
    runs: list[int] = []
    if element.tag == "polygon":
        points = _points(element)
    elif element.tag == "mask":
        points = _pairs(element, "left", "top", "width", "height")
        texts = (element.get("rle") or "").split(",")
        runs = [int(text) if text.strip().isdecimal() and len(text) < 12 else -1 for text in texts]
    elif element.tag == "box":
        points = _pairs(element, "xtl", "ytl", "xbr", "ybr")
    else:
        points = _pairs(element, "cx", "cy", "rx", "ry")
    z_order, degrees = (_float(element.get(key, "0"), key) for key in ("z_order", "rotation"))
    return Shape(element.tag, element.get("label"), points, z_order, degrees, runs)


def _points(shape: Element) -> list[list[float]]:
    """Return the corners of `x,y;x,y;…`; what is wrong with them shows when they are checked."""
    pairs = [pair.split(",") for pair in (shape.get("points") or "").split(";") if pair.strip()]
    return [[_float(number, "a corner") for number in pair] for pair in pairs]


def _pairs(shape: Element, *keys: str) -> list[list[float]]:
    numbers = [_float(shape.get(key), key) for key in keys]
    return [numbers[:2], numbers[2:]]


def _size(image: Element) -> tuple[int, int]:
    height, width = (
        whole(_float(image.get(key), key), f"the {key} of an image", 1, MAX_SIDE)
        for key in ("height", "width")
    )
    return height, width


def _float(text: str | None, what: str) -> float:
    try:
        return float(text or "")
    except ValueError as error:
        raise AnnotationError(
            f"Wrong value for {what}: {quote(text)}. Expected a number. Export the task again."
        ) from error

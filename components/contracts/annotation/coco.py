"""Read COCO's instances JSON: objects as polygons, or as RLE, of any number of images.

Objects are painted in the order of the file, later ones over earlier ones: the tools that write COCO
keep the order in which the objects were drawn. The rings of one object are painted together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.contracts.annotation.fields import (
    UNKNOWN_ANNOTATOR,
    clean,
    fields_of,
    items_of,
    quote,
    size_of,
    train_id_of,
)
from components.contracts.annotation.fill import paint_outline, pixel_corners
from components.contracts.annotation.known import ANY_IMAGE, KnownImages
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import (
    Annotation,
    AnnotationError,
    Batch,
    join,
    refused,
)
from components.contracts.annotation.runs import decode_coco
from tfds_cityscapes.labels import IGNORE_LABEL


def is_coco(value: object) -> bool:
    """Return whether parsed JSON is a file of this format."""
    return isinstance(value, dict) and {"images", "annotations", "categories"} <= value.keys()


def read(
    name: str,
    value: Mapping[str, Any],
    budget: Budget,
    annotator: str = UNKNOWN_ANNOTATOR,
    images: KnownImages = ANY_IMAGE,
) -> Batch:
    """Read every image that has objects; an image that cannot be read is rejected alone.

    Args:
      name: of the file.
      value: the parsed JSON.
      budget: the rest of what the export may cost.
      annotator: who labeled it; the format does not say.
      images: those that are known.

    Raises:
      AnnotationError: the lists of images or classes are damaged.
    """
    names = _by_id(value["categories"], "a category", "name")
    entries = {_key(entry): entry for entry in _objects(value["images"], "an image")}
    if len(entries) < len(value["images"]):
        raise AnnotationError("Two images of the COCO file have the same id. Export it again.")
    budget.check_members(len(entries))
    objects: dict[Any, list[Mapping[str, Any]]] = {}
    for item in _objects(value["annotations"], "an object"):
        if "segments_info" in item:
            raise AnnotationError(
                "This is COCO's panoptic format, whose labels are in images beside it. Export COCO "
                "instances, or the masks as PNG masks."
            )
        objects.setdefault(_hashable(item.get("image_id"), "image_id"), []).append(item)
    batches = []
    for key, items in objects.items():
        part = f"{name}: image {quote(key)}"
        try:
            if key not in entries:
                raise AnnotationError(
                    "There are objects for this image, but it is not in the list of images. Export "
                    "the file again."
                )
            entry = entries[key]
            part = f"{name}: {clean(str(entry.get('file_name')), 100)}"
            image_id = _image_id(entry, images)
            train_ids = _paint(entry, items, names, budget, images.size_of(image_id))
            annotation = Annotation(image_id, train_ids, annotator, None, clean(part, 400))
            batches.append(Batch(annotations=(annotation,)))
        except AnnotationError as error:
            batches.append(refused(part, error))
    return join(batches)


def file_names(value: Mapping[str, Any]) -> list[str]:
    """Return the names of the images that a file is about, with objects or without."""
    entries = value["images"] if isinstance(value["images"], list) else []
    names = (entry.get("file_name") for entry in entries if isinstance(entry, dict))
    return [name for name in names if isinstance(name, str)]


def _paint(
    entry: Mapping[str, Any],
    items: list[Mapping[str, Any]],
    names: Mapping[Any, object],
    budget: Budget,
    known_size: tuple[int, int] | None,
) -> np.ndarray:
    budget.check_objects(len(items))
    size = known_size
    if size is None or entry.get("height") is not None or entry.get("width") is not None:
        size = size_of(entry.get("height"), entry.get("width"))
    budget.spend(*size)
    train_ids = np.full(size, IGNORE_LABEL, np.uint8)
    for item in items:
        outline = item.get("segmentation")
        if not outline and item.get("keypoints"):
            continue  # a pose has no area
        if not outline:
            raise AnnotationError(
                "An object has only a box (bbox) and no outline (segmentation). Draw the objects as "
                "polygons or masks; a box would label what is around them as well."
            )
        category = _hashable(item.get("category_id"), "category_id")
        if category not in names:
            raise AnnotationError(
                f"An object has the class {quote(category)}, which is not in the list of categories. "
                "Export the file again."
            )
        train_id = train_id_of(names[category])
        if isinstance(outline, dict):
            train_ids[decode_coco(outline, *size)] = train_id
            continue
        for ring in items_of(outline, "the segmentation of an object"):
            paint_outline(train_ids, pixel_corners(_pairs(ring), size), train_id, "even-odd")
    return train_ids


def _pairs(ring: object) -> list[list[Any]]:
    """Return `[x, y, x, y, …]` as pairs; some tools write pairs."""
    numbers = items_of(ring, "the outline of an object")
    if numbers and isinstance(numbers[0], list):
        return numbers
    if len(numbers) % 2:
        raise AnnotationError(
            "The outline of an object has an odd number of coordinates. Export the file again."
        )
    return [[x, y] for x, y in zip(numbers[::2], numbers[1::2], strict=True)]


def _image_id(entry: Mapping[str, Any], images: KnownImages) -> str:
    name = entry.get("file_name")
    if not isinstance(name, str):
        raise AnnotationError(
            f"The file_name of an image is {quote(name)}, so that nothing says which image it is. "
            "Export the file again, with the names of the images."
        )
    return images.id_of_file(name)


def _by_id(value: object, what: str, key: str) -> dict[Any, object]:
    return {_key(entry): entry.get(key) for entry in _objects(value, what)}


def _objects(value: object, what: str) -> list[Mapping[str, Any]]:
    return [fields_of(entry, what) for entry in items_of(value, f"the list with {what}")]


def _key(entry: Mapping[str, Any]) -> Any:
    return _hashable(entry.get("id"), "id")


def _hashable(value: object, what: str) -> Any:
    if isinstance(value, int | str) and not isinstance(value, bool):
        return value
    raise AnnotationError(
        f"An {what} in the COCO file is {quote(value)}. Expected a number. Export the file again."
    )

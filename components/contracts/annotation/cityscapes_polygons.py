"""The polygons of the Cityscapes benchmark: `<image_id>_gtFine_polygons.json`.

Objects are painted in order, later ones over earlier ones; deleted ones are left out. Corners
are whole pixels, and a polygon includes its outline, as in the benchmark's own label images.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from components.contracts.annotation.fields import (
    UNKNOWN_ANNOTATOR,
    clean,
    fields_of,
    items_of,
    timestamp,
    train_id_of,
    whole,
)
from components.contracts.annotation.fill import pixel_corners
from components.contracts.annotation.known import ANY_IMAGE, KnownImages
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import Annotation
from tfds_cityscapes.labels import BY_NAME, CLASS_NAMES, IGNORE_LABEL

MAX_SIDE = 2**15  # cv2.fillPoly computes with 16 bits before the point


def is_polygons(value: object) -> bool:
    """Return whether parsed JSON is a file of this format."""
    return isinstance(value, dict) and "objects" in value and "imgHeight" in value


def read(
    name: str,
    value: Any,
    budget: Budget,
    annotator: str = UNKNOWN_ANNOTATOR,
    images: KnownImages = ANY_IMAGE,
) -> Annotation:
    """Read one file.

    Args:
      name: of the file; it gives the image id.
      value: the parsed JSON.
      budget: the rest of what the export may cost.
      annotator: who labeled it, if no object names its user.
      images: those that are known.

    Raises:
      AnnotationError: a size, a label or a corner is impossible.
    """
    image_id = images.id_of_mask(name)
    height = whole(value.get("imgHeight"), "imgHeight", 1, MAX_SIDE)
    width = whole(value.get("imgWidth"), "imgWidth", 1, MAX_SIDE)
    objects = [
        item
        for item in (fields_of(o, "an object") for o in items_of(value["objects"], "objects"))
        if not item.get("deleted")
    ]
    budget.check_objects(len(objects))
    budget.spend(height, width)
    train_ids = np.full((height, width), IGNORE_LABEL, np.uint8)
    for item in objects:
        label = item.get("label")
        train_id = train_id_of(label)
        points = pixel_corners(item.get("polygon"), (height, width))
        # The benchmark does not draw classes with a negative id (license plate).
        if len(points) > 2 and not _is_undrawn(label):
            cv2.fillPoly(train_ids, [np.rint(points).astype(np.int32)], train_id)
    user, moment = _last_change(objects)
    return Annotation(image_id, train_ids, user or annotator, moment, clean(name, 400))


def write(train_ids: np.ndarray) -> bytes:
    """Write a label map, uint8 [H, W] of train ids, as polygons that `read` paints back exactly.

    Every connected region becomes the polygon around it, with its holes filled. Larger regions come
    first, so that what is in a hole is painted over them.
    """
    height, width = train_ids.shape
    objects = sorted(_regions(train_ids), key=lambda region: -region[0])
    content = {
        "imgHeight": height,
        "imgWidth": width,
        "objects": [{"label": label, "polygon": polygon} for _, label, polygon in objects],
    }
    return json.dumps(content).encode()


def file_name(image_id: str) -> str:
    """Return the file name from which `read` finds the image id."""
    return f"{image_id}_gtFine_polygons.json"


def _regions(train_ids: np.ndarray) -> Iterator[tuple[int, str, list[list[int]]]]:
    """Yield the area of the box, the label and the outline of each connected region.

    Regions connect through edges only: one that connected through a corner could cross another.
    A region in a hole has the smaller box.
    """
    for train_id in np.unique(train_ids):
        label = "unlabeled" if train_id == IGNORE_LABEL else CLASS_NAMES[train_id]
        count, regions, stats, _ = cv2.connectedComponentsWithStats(
            (train_ids == train_id).astype(np.uint8), connectivity=4
        )
        for index in range(1, count):
            left, top, width, height, _ = (int(v) for v in stats[index])
            crop = (regions[top : top + height, left : left + width] == index).astype(np.uint8)
            outline = cv2.findContours(
                crop, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top)
            )[0][0].reshape(-1, 2)
            polygon = outline.tolist()
            # A polygon needs three corners: repeat the last one of a point or a line.
            yield width * height, label, polygon + [polygon[-1]] * max(0, 3 - len(polygon))


def _is_undrawn(label: object) -> bool:
    row = BY_NAME.get(label) if isinstance(label, str) else None
    return row is not None and row.label_id < 0


def _last_change(objects: list[Mapping[str, Any]]) -> tuple[str, str | None]:
    """Return who last changed an object, and when; the public data set says neither."""
    changes = [
        (timestamp(item.get("date")) or "", clean(item["user"]))
        for item in objects
        if isinstance(item.get("user"), str) and item["user"].strip()
    ]
    moment, user = max(changes, key=lambda change: change[0], default=("", ""))
    return user, moment or None

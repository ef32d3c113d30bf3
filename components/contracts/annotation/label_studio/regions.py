"""Paint the regions of one Label Studio annotation: brush strokes and polygons, in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.contracts.annotation.fields import clean, items_of, train_id_of, whole
from components.contracts.annotation.fill import corners, fill_polygon
from components.contracts.annotation.label_studio import rle
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import AnnotationError
from tfds_cityscapes.labels import IGNORE_LABEL

MAX_SIDE = 2**16  # pixels; keeps height x width within bounds until the budget checks it
_SHAPES = ("rle", "points")
_LABEL_KEYS = ("brushlabels", "polygonlabels", "labels")
_OTHER_SHAPES = ("rectangle", "ellipse", "keypoint", "bitmask", "vector", "video")


def paint(results: list[Mapping[str, Any]], data: Mapping[str, Any], budget: Budget) -> np.ndarray:
    """Paint the results of one annotation, in order.

    Args:
      results: of the annotation; those that are not regions (a choice, a comment) are ignored.
      data: of the task; its `height` and `width` count if nothing was painted.
      budget: the rest of what the export may cost.

    Returns:
      uint8 [H, W] of train ids, 255 where nothing was painted.

    Raises:
      AnnotationError: a region is of another kind, has no class or an unknown one, or is broken.
    """
    budget.check_objects(len(results))
    size = _size(results, data)
    budget.spend(*size)
    train_ids = np.full(size, IGNORE_LABEL, np.uint8)
    # With separate <Brush> and <Labels>, a stroke occurs twice under one id: bare and with its class.
    labeled = {_text(result, "id") for result in results if _label(result) is not None}
    for result in results:
        value = result.get("value")
        kind = _text(result, "type").lower()
        if kind.startswith(_OTHER_SHAPES):
            raise AnnotationError(
                f"A region has the type {clean(kind, 40)}, which cannot be read. Draw it with the "
                "brush or as a polygon."
            )
        if not isinstance(value, dict) or not any(shape in value for shape in _SHAPES):
            continue  # a choice, a rating or a comment on the image, not a region
        label = _label(result)
        if label is None:
            if _text(result, "id") in labeled:
                continue
            raise AnnotationError("A region has no class. Choose one, or delete the region.")
        train_ids[_region(result, value, size)] = train_id_of(label)
    return train_ids


def _size(results: list[Mapping[str, Any]], data: Mapping[str, Any]) -> tuple[int, int]:
    """Return the height and width that the strokes record; they must agree."""
    sizes = {
        (
            whole(result.get("original_height"), "the height of the image", 1, MAX_SIDE),
            whole(result.get("original_width"), "the width of the image", 1, MAX_SIDE),
        )
        for result in results
        if "original_height" in result or "original_width" in result
    }
    if len(sizes) > 1:
        raise AnnotationError(
            "The regions record different image sizes: "
            + " and ".join(f"{width}x{height}" for height, width in sorted(sizes)[:3])
            + ". The image was exchanged while it was labeled: label it again."
        )
    if sizes:
        return sizes.pop()
    if "height" not in data or "width" not in data:
        raise AnnotationError(
            "The annotation was submitted with nothing painted. Label the image, or skip the task."
        )
    return (
        whole(data["height"], "the height of the image", 1, MAX_SIDE),
        whole(data["width"], "the width of the image", 1, MAX_SIDE),
    )


def _label(result: Mapping[str, Any]) -> object:
    value = result.get("value")
    if not isinstance(value, dict):
        return None
    names = next((value[key] for key in _LABEL_KEYS if value.get(key)), None)
    if isinstance(names, list) and len(names) > 1:
        raise AnnotationError(
            f"A region has {len(names)} classes; only one class is allowed. Remove the others."
        )
    return names[0] if isinstance(names, list) and names else names


def _region(
    result: Mapping[str, Any], value: Mapping[str, Any], size: tuple[int, int]
) -> np.ndarray:
    """Return the pixels of one stroke: bool [H, W]."""
    if result.get("image_rotation") not in (None, 0):
        raise AnnotationError("The image was rotated. Turn it back in the editor and submit again.")
    if "rle" in value:
        try:
            stream = bytes(items_of(value["rle"], "a brush stroke"))
        except (TypeError, ValueError) as error:
            raise AnnotationError(
                "A brush stroke is not a list of bytes (0 to 255). Export it again."
            ) from error
        return rle.decode_mask(stream, *size)
    points = corners(value["points"], -100.0, 200.0, "percent of the image")
    height, width = size
    return fill_polygon(height, width, points * [width / 100, height / 100])


def _text(result: Mapping[str, Any], key: str) -> str:
    value = result.get(key)
    return value if isinstance(value, str) else ""

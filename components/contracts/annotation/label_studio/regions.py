"""Paint the regions of one Label Studio annotation, in order: later ones cover earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.contracts.annotation.fields import size_of, train_id_of
from components.contracts.annotation.label_studio.shapes import has_area, paint_region
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import AnnotationError
from tfds_cityscapes.labels import IGNORE_LABEL


def paint(
    results: list[Mapping[str, Any]],
    data: Mapping[str, Any],
    budget: Budget,
    known_size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Paint the results of one annotation, in order.

    Args:
      results: of the annotation; those that cover no pixels (a keypoint, a choice, a comment) are
        ignored.
      data: of the task; its `height` and `width` count if no region records the image's size.
      budget: the rest of what the export may cost.
      known_size: height and width of the image, if neither does.

    Returns:
      uint8 [H, W] of train ids, 255 where nothing was painted.

    Raises:
      AnnotationError: a region is of another kind, has no class or an unknown one, or is broken.
    """
    budget.check_objects(len(results))
    regions = [result for result in results if _is_region(result)]
    _check_one_image(regions)
    size = _size(regions or results, data, known_size)
    budget.spend(*size)
    train_ids = np.full(size, IGNORE_LABEL, np.uint8)
    # With separate <Brush> and <Labels>, a stroke occurs twice under one id: bare and with its class.
    labeled = {_text(result, "id") for result in results if _classes(result)}
    for result in regions:
        label = _label(result)
        if label is None:
            if _text(result, "id") in labeled:
                continue
            raise AnnotationError("A region has no class. Choose one, or delete the region.")
        if result.get("image_rotation") not in (None, 0):
            raise AnnotationError(
                "The image was rotated. Turn it back in the editor and submit again."
            )
        paint_region(train_ids, result["value"], train_id_of(label))
    return train_ids


def _is_region(result: Mapping[str, Any]) -> bool:
    value = result.get("value")
    return isinstance(value, dict) and has_area(_text(result, "type").lower(), value)


def _check_one_image(regions: list[Mapping[str, Any]]) -> None:
    """Raise AnnotationError if a task shows several images and regions are not on the first alone."""
    names = {_text(region, "to_name") for region in regions} - {""}
    if len(names) > 1 or any(region.get("item_index") not in (None, 0) for region in regions):
        raise AnnotationError(
            "The regions are on several images of one task, and nothing says which image's labels are "
            "wanted. Make one task for each image."
        )


def _size(
    results: list[Mapping[str, Any]],
    data: Mapping[str, Any],
    known_size: tuple[int, int] | None,
) -> tuple[int, int]:
    """Return the height and width that the regions record; they must agree."""
    sizes = {
        size_of(result["original_height"], result["original_width"])
        for result in results
        if result.get("original_height") is not None and result.get("original_width") is not None
    }
    if len(sizes) > 1:
        raise AnnotationError(
            "The regions record different image sizes: "
            + " and ".join(f"{width}x{height}" for height, width in sorted(sizes)[:3])
            + ". The image was exchanged while it was labeled: label it again."
        )
    if sizes:
        return sizes.pop()
    if data.get("height") is not None and data.get("width") is not None:
        return size_of(data["height"], data["width"])
    if known_size is not None:
        return known_size
    if not results:
        raise AnnotationError(
            "The annotation was submitted with nothing painted. Label the image, or skip the task."
        )
    raise AnnotationError(
        "No region records the size of the image (original_width and original_height). Open the task "
        "in Label Studio, update the annotation, and export it again."
    )


def _label(result: Mapping[str, Any]) -> object:
    """Return the class of a region, or None."""
    classes = _classes(result)
    if len(classes) > 1:
        raise AnnotationError(
            f"A region has {len(classes)} classes; only one class is allowed. Remove the others."
        )
    return classes[0] if classes else None


def _classes(result: Mapping[str, Any]) -> list[object]:
    """Return what `brushlabels`, `labels` or the like of a result holds."""
    value = result.get("value")
    keys = [key for key in value if key.endswith("labels")] if isinstance(value, dict) else []
    names: object = next((result["value"][key] for key in keys if result["value"][key]), [])
    return names if isinstance(names, list) else [names]


def _text(result: Mapping[str, Any], key: str) -> str:
    value = result.get(key)
    return value if isinstance(value, str) else ""

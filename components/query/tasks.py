"""Annotation tasks for the selected images: files that annotation tools import.

queries/<cycle>/images/<id>.png          the images; all but the regions to label is dark
                predictions/<id>_gtFine_labelTrainIds.png   their pre-annotations, as a rule predictions
                overlays/<id>.png        the pre-annotation over the image, for people
                label_studio.json, label_studio.xml  tasks with pre-annotations; the project's setup
                cvat.zip                 a "segmentation mask" import
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from components.contracts.annotation import cvat, label_studio, png_mask
from components.contracts.data.records import Record, Records
from components.contracts.regions.tiles import Tiles, mask_of, text_of
from components.query.spotlight import spotlight
from tfds_cityscapes.labels import IGNORE_LABEL, colorize
from tfds_cityscapes.png import encode_png


@dataclass(frozen=True)
class Task:
    """An image to label.

    Attributes:
      reason: why, in words.
      regions: the parts to label, each in a grid of its own; none for the whole image.
    """

    image_id: str
    reason: str
    regions: Sequence[Tiles] = ()


def write_tasks(
    output: Path,
    chosen: Sequence[Task],
    records: Records,
    prefill: Callable[[Record], np.ndarray] | None,
    image_of: Callable[[Record], np.ndarray],
) -> None:
    """Write the tasks of a query.

    Args:
      output: an existing folder.
      chosen: the images to ask for, the most wanted first.
      records: of the pool.
      prefill: returns the pre-annotation of a record: train ids, uint8 [H, W], at native size. None
        writes none.
      image_of: returns what people see of a record, at native size: uint8 [H, W, 3], RGB.
    """
    tasks, masks = [], []
    for place, item in enumerate(chosen):
        record = records.read(item.image_id)
        image = image_of(record)
        lit = mask_of(item.regions, image.shape[:2]) if item.regions else None
        image = spotlight(image, lit)
        _save(output / "images" / f"{item.image_id}.png", encode_png(image))
        prediction = None
        if prefill is not None:
            prediction = prefill(record)
            if lit is not None:
                prediction = np.where(lit, prediction, np.uint8(IGNORE_LABEL))
            name = png_mask.file_name(item.image_id)
            _save(output / "predictions" / name, png_mask.write(prediction))
            mixed = cv2.addWeighted(image, 0.5, colorize(prediction), 0.5, 0)
            _save(output / "overlays" / f"{item.image_id}.png", encode_png(mixed))
            masks.append((item.image_id, prediction))
        tasks.append(
            label_studio.write_task(
                item.image_id,
                f"images/{item.image_id}.png",
                prediction,
                score=1 - place / len(chosen),  # a share in Label Studio: the first comes first
                data=_data(item),
            )
        )
    (output / "label_studio.json").write_text(json.dumps(tasks))
    (output / "label_studio.xml").write_text(label_studio.labeling_config())
    if masks:
        (output / "cvat.zip").write_bytes(cvat.write(masks))


def _data(item: Task) -> dict[str, str]:
    """Return what a task tells people beside its image."""
    if not item.regions:
        return {"reason": item.reason}
    words = f"Label the bright regions only, nothing else is taken. Asked because: {item.reason}"
    return {"reason": words, "regions": text_of(item.regions)}


def enlarged(record: Record) -> np.ndarray:
    """Return a record's stored image at native size: uint8 [H, W, 3]. A smaller one is blurred."""
    size = record.entry.width, record.entry.height
    if record.image.shape[1::-1] == size:
        return record.image
    return cv2.resize(record.image, size, interpolation=cv2.INTER_LINEAR)


def _save(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

"""Read what `streetloop annotate pull` fetches from a CVAT server; write shapes for its REST API.

The file is `{"cvat_frames": [...]}`, one item a finished frame: `name` of the image, its `width` and
`height`, the `job`, its `annotator` and when it was last `updated`, whether the frame was `deleted`
(nobody can label it), the number of `tracks` of the job, and the `shapes` as CVAT answers with them,
with the name of the class as `label`. Points are x and y in turn. A mask is runs of pixels, outside and
inside in turn, row by row within its box, and then left, top, right and bottom, the last two inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.contracts.annotation.cvat_shapes import Shape, has_area, paint
from components.contracts.annotation.fields import (
    MAX_SIDE,
    UNKNOWN_ANNOTATOR,
    clean,
    fields_of,
    items_of,
    quote,
    real,
    size_of,
    timestamp,
    whole,
)
from components.contracts.annotation.known import ANY_IMAGE, KnownImages
from components.contracts.annotation.limits import Budget
from components.contracts.annotation.model import (
    Annotation,
    AnnotationError,
    Batch,
    Skipped,
    join,
    refused,
)
from tfds_cityscapes.labels import TRAIN_LABELS

FRAMES = "cvat_frames"
_SHAPES = ("polygon", "rectangle", "ellipse", "mask")
_MAX_RUNS = 2**26


def is_cvat_jobs(value: object) -> bool:
    """Return whether parsed JSON is of this format."""
    return isinstance(value, dict) and FRAMES in value


def file_names(value: Mapping[str, Any]) -> list[str]:
    """Return the names of the images that a file is about."""
    frames = value[FRAMES] if isinstance(value[FRAMES], list) else []
    names = [frame.get("name") for frame in frames if isinstance(frame, dict)]
    return [name for name in names if isinstance(name, str)]


def read(
    name: str, value: Mapping[str, Any], budget: Budget, images: KnownImages = ANY_IMAGE
) -> Batch:
    """Read every frame; one that cannot be read is rejected alone.

    Args:
      name: of the file.
      value: the parsed JSON.
      budget: the rest of what the export may cost.
      images: those that are known.
    """
    try:
        frames = items_of(value[FRAMES], "the frames")
        budget.check_members(len(frames))
    except AnnotationError as error:
        return refused(name, error)
    return join(_read_frame(name, frame, budget, images) for frame in frames)


def shapes_of(train_ids: np.ndarray) -> list[dict[str, Any]]:
    """Return one mask a class, as CVAT's API takes them; `label` is the name of the class.

    Args:
      train_ids: uint8 [H, W]; 255 is in no mask.
    """
    shapes = []
    for row in TRAIN_LABELS:
        inside = train_ids == row.train_id
        if inside.any():
            shapes.append({"label": row.name, "type": "mask", "points": _encode(inside)})
    return shapes


def _encode(inside: np.ndarray) -> list[int]:
    """Return a mask, bool [H, W] with at least one pixel, as CVAT's points."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
    flat = inside[top : bottom + 1, left : right + 1].ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=False))  # of every run but the first
    runs = np.diff(starts, prepend=0, append=flat.size)
    return [int(number) for number in (*runs, left, top, right, bottom)]


def _read_frame(name: str, value: object, budget: Budget, images: KnownImages) -> Batch:
    part = name
    try:
        frame = fields_of(value, "a frame")
        part += f": job {quote(frame.get('job'))}, {quote(frame.get('name'))}"
        file_name = frame.get("name")
        if not isinstance(file_name, str):
            raise AnnotationError("A frame has no name of its image. Pull the annotations again.")
        image_id = images.id_of_file(file_name)
        annotator = frame.get("annotator")
        who = clean(annotator) if isinstance(annotator, str) and annotator else UNKNOWN_ANNOTATOR
        if frame.get("deleted"):
            return Batch(skipped=(Skipped(image_id, who, ""),))
        if frame.get("tracks"):
            raise AnnotationError(
                "The job holds tracks of a video. Draw the objects as shapes, not as tracks."
            )
        size = size_of(frame.get("height"), frame.get("width"), "an image")
        rows = [fields_of(row, "a shape") for row in items_of(frame.get("shapes"), "the shapes")]
        shapes = [_shape(row) for row in rows if has_area(row.get("type"), _SHAPES)]
        train_ids = paint(size, shapes, budget)
    except AnnotationError as error:
        return refused(part, error)
    moment = timestamp(frame.get("updated"))
    return Batch(annotations=(Annotation(image_id, train_ids, who, moment, clean(part, 400)),))


def _shape(row: Mapping[str, Any]) -> Shape:
    kind, numbers = row["type"], items_of(row.get("points"), "the points of a shape")
    runs: list[int] = []
    if kind == "polygon":
        points = [numbers[at : at + 2] for at in range(0, len(numbers), 2)]
    elif kind == "mask":
        *runs, left, top, right, bottom = _whole(numbers, 5)
        points = [[left, top], [right - left + 1, bottom - top + 1]]
    else:
        x0, y0, x1, y1 = _four(numbers)
        # An ellipse is its centre, the x of its right end, and the y of its upper end.
        points = [[x0, y0], [x1, y1] if kind == "rectangle" else [x1 - x0, y0 - y1]]
    z_order, degrees = row.get("z_order", 0), row.get("rotation", 0)
    name = "box" if kind == "rectangle" else str(kind)
    return Shape(name, row.get("label"), points, z_order, degrees, runs)


def _whole(numbers: Sequence[object], least: int) -> list[int]:
    if len(numbers) < least:
        raise AnnotationError("The mask of a shape is damaged. Draw it again.")
    return [whole(number, "a run of a mask", 0, _MAX_RUNS) for number in numbers]


def _four(numbers: Sequence[object]) -> list[float]:
    if len(numbers) != 4:
        raise AnnotationError("A shape does not have two corners. Draw it again.")
    return [real(number, "a place of a shape", -MAX_SIDE, 2 * MAX_SIDE) for number in numbers]

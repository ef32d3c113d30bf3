"""Read Label Studio's JSON export; write tasks with predictions.

One item of the export is a task: the image and everything that annotators did with it. An annotation
is a list of results that are painted in order: later ones cover earlier ones. A target storage holds
one annotation in each file, with its task inside.
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
    timestamp,
)
from components.contracts.annotation.known import ANY_IMAGE, KnownImages
from components.contracts.annotation.label_studio import rle
from components.contracts.annotation.label_studio.names import image_id_of
from components.contracts.annotation.label_studio.regions import paint
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


def write_task(
    image_id: str,
    image_url: str,
    prediction: np.ndarray | None = None,
    model_version: str = "",
    score: float | None = None,
    data: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a task to import: the image, and the model's prediction as a pre-annotation.

    Args:
      image_id: stored in the task's data, and returned in the export.
      image_url: the address of the image for the annotator's browser.
      prediction: uint8 [H, W] of train ids; 255 is left unpainted. Each class
        becomes one brush stroke.
      model_version: shown beside the prediction.
      score: the acquisition score, by which Label Studio can sort.
      data: more of the task's data, such as the reason of the selection.

    Returns:
      The task, ready for JSON.
    """
    task: dict[str, Any] = {"data": {**(data or {}), "image": image_url, "image_id": image_id}}
    if prediction is None:
        return task
    height, width = prediction.shape
    task["data"] |= {"height": height, "width": width}
    result = [
        {
            "id": f"class-{row.train_id}",
            "type": "brushlabels",
            "from_name": "brush",
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {
                "format": "rle",
                "rle": list(rle.encode_mask(prediction == row.train_id)),
                "brushlabels": [row.name],
            },
        }
        for row in TRAIN_LABELS
        if (prediction == row.train_id).any()
    ]
    entry: dict[str, Any] = {"model_version": model_version, "result": result}
    task["predictions"] = [entry if score is None else {**entry, "score": score}]
    return task


def read(name: str, tasks: list[Any], budget: Budget, images: KnownImages = ANY_IMAGE) -> Batch:
    """Read every finished annotation and every skipped task of an export.

    Tasks without an annotation are left out; what cannot be read is rejected part by part.

    Args:
      name: of the file.
      tasks: the parsed JSON.
      budget: the rest of what the export may cost.
      images: those that are known.
    """
    try:
        budget.check_members(len(tasks))
    except AnnotationError as error:
        return refused(name, error)
    return join(
        _read_task(f"{name}: task {number}", task, budget, images)
        for number, task in enumerate(tasks, 1)
    )


def is_stored_annotation(value: object) -> bool:
    """Return whether parsed JSON is an annotation as Label Studio writes it to a target storage."""
    return isinstance(value, dict) and "result" in value and "task" in value


def _read_task(part: str, value: object, budget: Budget, images: KnownImages) -> Batch:
    try:
        task = fields_of(value, "a task")
        annotations = [task] if is_stored_annotation(task) else _annotations(task)
        if is_stored_annotation(task):
            task = _task_of(task)
        part += f" (id {quote(task['id'])})" if "id" in task else ""
        data = fields_of(task.get("data"), "the data of the task")
        image_id = image_id_of(data, images)
    except AnnotationError as error:
        return refused(part, error)
    batches = []
    for number, annotation in enumerate(annotations, 1):
        source = f"{part}, annotation {number}" if len(annotations) > 1 else part
        try:
            size = images.size_of(image_id)
            batches.append(_read_annotation(source, image_id, data, annotation, budget, size))
        except AnnotationError as error:
            batches.append(refused(f"{source}, image {image_id}", error))
    return join(batches)


def _annotations(task: Mapping[str, Any]) -> list[Any]:
    if "category_id" in task:
        raise AnnotationError(
            "These are COCO results, which name neither images nor classes. Hand in the whole COCO file, "
            "with its images and categories."
        )
    if "predictions" in task and "annotations" not in task:
        return []  # so far, only a model has labeled it
    if "annotations" not in task and "completions" not in task:  # the name until 2021
        raise AnnotationError(
            "The task has no list of annotations. In Label Studio, choose the export format JSON "
            "(not JSON-MIN, not CSV)."
        )
    return items_of(task.get("annotations", task.get("completions")), "its annotations")


def _task_of(annotation: Mapping[str, Any]) -> Mapping[str, Any]:
    task = annotation["task"]
    if not isinstance(task, dict):
        raise AnnotationError(
            f"The annotation belongs to task {quote(task)}, whose data the file does not hold, so that "
            "its image is unknown. Export the project as JSON."
        )
    return task


def _read_annotation(
    source: str,
    image_id: str,
    data: Mapping[str, Any],
    value: object,
    budget: Budget,
    known_size: tuple[int, int] | None,
) -> Batch:
    annotation = fields_of(value, "an annotation")
    annotator = _annotator(annotation.get("completed_by"))
    regions = data.get("regions") if isinstance(data.get("regions"), str) else None
    if annotation.get("was_cancelled") or annotation.get("skipped"):
        comment = annotation.get("comment")
        why = clean(comment) if isinstance(comment, str) else ""
        return Batch(skipped=(Skipped(image_id, annotator, why, regions),))
    results = [
        fields_of(result, "a result")
        for result in items_of(annotation.get("result"), "the result of the annotation")
    ]
    train_ids = paint(results, data, budget, known_size)
    moment = timestamp(annotation.get("updated_at")) or timestamp(annotation.get("created_at"))
    found = Annotation(image_id, train_ids, annotator, moment, source, regions)
    return Batch(annotations=(found,))


def _annotator(value: object) -> str:
    """Return the annotator: `completed_by` is a number or, by export option, an object."""
    if isinstance(value, dict):
        value = next((value[key] for key in ("email", "username", "id") if value.get(key)), None)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**12:
        return str(value)
    return clean(value) if isinstance(value, str) and value.strip() else UNKNOWN_ANNOTATOR

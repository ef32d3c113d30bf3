"""Checks annotations: the right image, its size, and enough of it labeled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from components.contracts.annotation.model import Annotation, AnnotationError, Refusal
from components.contracts.data.records import POOL, Entry
from components.contracts.recipe.feedback import FeedbackSettings
from tfds_cityscapes.labels import IGNORE_LABEL


class Checked(NamedTuple):
    """The accepted label maps, at native size, and the reasons why others were rejected."""

    accepted: list[Annotation]
    refusals: list[Refusal]


def check(
    annotations: Iterable[Annotation],
    entries: Mapping[str, Entry],
    asked: Collection[str],
    settings: FeedbackSettings,
    in_regions: Callable[[str], bool] = lambda image_id: False,
) -> Checked:
    """Check every annotation on its own: a rejected one does not affect the others.

    Args:
      annotations: as the readers return them.
      entries: every image of the campaign, by id.
      asked: ids of the images that were ever asked for; an image may be labeled again.
      settings: what the campaign accepts.
      in_regions: says of an image id whether only regions of it are to be labeled, so that the rest of the
        image has no class.
    """
    checked = Checked([], [])
    for annotation in annotations:
        try:
            part = in_regions(annotation.image_id)
            own = settings.model_copy(update={"max_ignore": 1.0}) if part else settings
            checked.accepted.append(check_one(annotation, entries, asked, own))
        except AnnotationError as error:
            checked.refusals.append(Refusal(name_of(annotation), str(error)))
    return checked


def name_of(annotation: Annotation) -> str:
    """Return what a refusal calls an annotation."""
    return f"{annotation.source}: image {annotation.image_id}, by {annotation.annotator}"


def check_one(
    annotation: Annotation,
    entries: Mapping[str, Entry],
    asked: Collection[str],
    settings: FeedbackSettings,
) -> Annotation:
    """Return the annotation at the image's native size; AnnotationError if it is rejected."""
    known = entries.get(annotation.image_id)
    if known is None:
        raise AnnotationError(
            f'Unknown image "{annotation.image_id}": this campaign has none with that id. The id is '
            f"the image's file name without _leftImg8bit and extension, such as {next(iter(entries), 'a')}."
        )
    if known.split != POOL:
        raise AnnotationError(
            f"The image is in {known.split}, on which models are scored, so it cannot be labeled. Its "
            "labels come from the data set."
        )
    if not settings.allow_unasked and annotation.image_id not in asked:
        raise AnnotationError(
            "No query has asked for this image. To accept it nevertheless, set "
            "feedback.allow_unasked=true."
        )
    train_ids = _fit(annotation.train_ids, known, settings.resize)
    ignored = float(np.mean(train_ids == IGNORE_LABEL))
    if ignored == 1.0:
        raise AnnotationError("No pixel has a class. Label the image, or skip its task.")
    if ignored > settings.max_ignore:
        raise AnnotationError(
            f"Too many pixels have no class: {ignored:.1%}, at most {settings.max_ignore:.1%} are "
            "accepted. Label more of the image."
        )
    return replace(annotation, train_ids=train_ids)


def resize_nearest(train_ids: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize [H, W] to [height, width]; each pixel takes the class of the nearest one."""
    rows = (2 * np.arange(height) + 1) * train_ids.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * train_ids.shape[1] // (2 * width)
    return train_ids[rows[:, None], columns]


def _fit(train_ids: np.ndarray, known: Entry, resize: bool) -> np.ndarray:
    height, width = train_ids.shape
    if (height, width) == (known.height, known.width):
        return train_ids
    sizes = (
        f"The label map has {width}x{height} pixels (width x height), its image "
        f"{known.width}x{known.height}"
    )
    # A side that follows from the other may be off by the rounding of a resize.
    slack = max(height, width) / 2 + max(known.height, known.width) / 2
    if abs(height * known.width - width * known.height) > slack:
        raise AnnotationError(f"{sizes}: their shapes differ. Is it the right image?")
    if not resize:
        raise AnnotationError(
            f"{sizes}. Label the image at full size, or set feedback.resize=true."
        )
    return resize_nearest(train_ids, known.height, known.width)

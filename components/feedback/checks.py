"""Checks annotations against what was asked: the right image, its size, and enough of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from components.contracts.annotation.model import Annotation, AnnotationError, Refusal
from tfds_cityscapes.labels import IGNORE_LABEL

POOL = "train"  # the only part of the data that people label; the others are for scoring


class Known(NamedTuple):
    """What the campaign knows of an image: its native size in pixels, and its split."""

    height: int
    width: int
    split: str


@dataclass(frozen=True)
class Rules:
    """What a campaign accepts.

    Attributes:
      allow_unasked: also images that no query asked for.
      resize: a map of another size but the same shape is resized, to the nearest pixel.
      max_ignore_share: the largest share of pixels without a class, 0..1.
    """

    allow_unasked: bool = False
    resize: bool = False
    max_ignore_share: float = 1.0


class Checked(NamedTuple):
    """The outcome: label maps at native size, and what to tell people."""

    accepted: list[Annotation]
    refusals: list[Refusal]


def check(
    annotations: Iterable[Annotation],
    index: Mapping[str, Known],
    asked: Collection[str],
    rules: Rules,
) -> Checked:
    """Checks every annotation on its own; one that is refused does not hold up the others.

    Args:
      annotations: as the readers return them.
      index: every image of the campaign, by id.
      asked: ids of the images that were ever asked for: an answer may come again, changed.
      rules: what the campaign accepts.
    """
    checked = Checked([], [])
    for annotation in annotations:
        name = f"{annotation.source}: image {annotation.image_id}, by {annotation.annotator}"
        try:
            checked.accepted.append(check_one(annotation, index, asked, rules))
        except AnnotationError as error:
            checked.refusals.append(Refusal(name, str(error)))
    return checked


def check_one(
    annotation: Annotation, index: Mapping[str, Known], asked: Collection[str], rules: Rules
) -> Annotation:
    """The annotation at the image's native size; AnnotationError if it is refused."""
    known = index.get(annotation.image_id)
    if known is None:
        raise AnnotationError(
            f'Expected an image of this campaign; it has none with the id "{annotation.image_id}". '
            "The id is the image's file name without _leftImg8bit and ending."
        )
    if known.split != POOL:
        raise AnnotationError(
            f"Expected an image that may be labeled; this one is in {known.split}, on which models "
            "are scored. Its labels come from the data set."
        )
    if not rules.allow_unasked and annotation.image_id not in asked:
        raise AnnotationError(
            "Expected an image that a query asked for; no query has asked for this one. Set "
            "feedback.allow_unasked to take it anyway."
        )
    train_ids = _fitted(annotation.train_ids, known, rules.resize)
    ignored = float(np.mean(train_ids == IGNORE_LABEL))
    if ignored == 1.0:
        raise AnnotationError("Expected labels; no pixel has a class. Label it, or skip the task.")
    if ignored > rules.max_ignore_share:
        raise AnnotationError(
            f"Expected at most {rules.max_ignore_share:.1%} of the pixels without a class; got "
            f"{ignored:.1%}. Label more of the image."
        )
    return replace(annotation, train_ids=train_ids)


def resize_nearest(train_ids: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes [H, W] to [height, width]; each pixel takes the class of the nearest one."""
    rows = (2 * np.arange(height) + 1) * train_ids.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * train_ids.shape[1] // (2 * width)
    return train_ids[rows[:, None], columns]


def _fitted(train_ids: np.ndarray, known: Known, resize: bool) -> np.ndarray:
    height, width = train_ids.shape
    if (height, width) == (known.height, known.width):
        return train_ids
    sizes = f"a mask of {known.width}x{known.height} pixels; got {width}x{height}"
    # The side that would follow from the other may be off by the rounding of a resize.
    slack = max(height, width) / 2 + max(known.height, known.width) / 2
    if abs(height * known.width - width * known.height) > slack:
        raise AnnotationError(f"Expected {sizes}, which has another shape. Is it the right image?")
    if not resize:
        raise AnnotationError(
            f"Expected {sizes}. Label the image at its full size, or set feedback.resize."
        )
    return resize_nearest(train_ids, known.height, known.width)

"""All scores of one confusion matrix, as reports store them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from components.contracts.scores import metrics
from components.contracts.scores.metrics import CATEGORY_NAMES, or_none
from tfds_cityscapes.labels import CLASS_NAMES


@dataclass(frozen=True)
class ClassScores:
    """The scores of one class; fractions, None where undefined. `pixels` are its labeled pixels."""

    iou: float | None
    dice: float | None
    accuracy: float | None
    pixels: int


@dataclass(frozen=True)
class Scores:
    """The scores of one confusion matrix; fractions in [0, 1], None where undefined.

    `dice` is the Dice of the whole data set, 2·I/(P+G) per class, averaged over the classes that
    occur; `dice_image_mean` is the mean over images of each image's own Dice, a different number.
    """

    miou: float | None
    pixel_accuracy: float | None
    mean_accuracy: float | None
    dice: float | None
    dice_image_mean: float | None
    frequency_weighted_iou: float | None
    category_iou: float | None
    pixels: int
    classes: Mapping[str, ClassScores]
    categories: Mapping[str, float | None]


def summarize(confusion: np.ndarray, *, dice_image_mean: float | None = None) -> Scores:
    """Compute all scores of one summed confusion matrix.

    Args:
      confusion: int [19, 19] or [19, 20], summed over the images.
      dice_image_mean: mean over the images of `mean_dice` of each image's own matrix, which the
        sum no longer contains.

    Raises:
      StreetloopError: the matrix has another shape.
    """
    per_class = zip(
        CLASS_NAMES,
        metrics.class_iou(confusion),
        metrics.class_dice(confusion),
        metrics.class_accuracy(confusion),
        confusion.sum(axis=1),
        strict=True,
    )
    return Scores(
        miou=metrics.mean_iou(confusion),
        pixel_accuracy=metrics.pixel_accuracy(confusion),
        mean_accuracy=metrics.mean_accuracy(confusion),
        dice=metrics.mean_dice(confusion),
        dice_image_mean=dice_image_mean,
        frequency_weighted_iou=metrics.frequency_weighted_iou(confusion),
        category_iou=metrics.mean_category_iou(confusion),
        pixels=int(confusion.sum()),
        classes={
            name: ClassScores(or_none(iou), or_none(dice), or_none(accuracy), int(pixels))
            for name, iou, dice, accuracy, pixels in per_class
        },
        categories={
            name: or_none(iou)
            for name, iou in zip(CATEGORY_NAMES, metrics.category_iou(confusion), strict=True)
        },
    )

"""The JSON report of folder scoring. Fractions in [0, 1]; null where undefined.

What the benchmark defines is computed as its script does; the rest is ours (`scores.metrics`).
"""

from __future__ import annotations

from components.contracts.scores.report import Count, Fraction, Headline, ImageScores, Stored
from components.evaluate.explain import ConfusedPair


class ClassReport(Stored):
    """The scores of one class; `pixels` counts its labeled pixels."""

    iou: Fraction | None
    dice: Fraction | None
    accuracy: Fraction | None
    pixels: Count
    iiou: Fraction | None


class CategoryReport(Stored):
    """The scores of one category."""

    iou: Fraction | None
    iiou: Fraction | None


class CityReport(Headline):
    """The means over the images of one city.

    Attributes:
      images: how many were scored.
      pixels: labeled pixels.
      miou: the benchmark's: a class that was predicted but does not occur counts as 0.
      miou_labeled_classes: over the classes that occur.
      iiou, category_iiou: null without instance files.
      dice_image_mean: the mean over images of each image's own Dice.
    """

    images: Count
    mean_accuracy: Fraction | None
    dice_image_mean: Fraction | None
    frequency_weighted_iou: Fraction | None
    category_iou: Fraction | None
    pixels: Count
    miou_labeled_classes: Fraction | None
    iiou: Fraction | None
    category_iiou: Fraction | None


class Confusion(Stored):
    """The confusion matrix: `pixels` [19][20], and what its rows and columns are."""

    truth: list[str]
    predicted: list[str]
    pixels: list[list[Count]]


class FolderScores(CityReport):
    """The scores of a folder of predictions; `warnings` are sentences that cast doubt on them."""

    warnings: list[str]
    classes: dict[str, ClassReport]
    categories: dict[str, CategoryReport]
    per_city: dict[str, CityReport]
    confusion: Confusion
    worst_images: list[ImageScores]
    most_confused: list[ConfusedPair]

"""Score a model on one split, in one pass over its images, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.predictions import predictions
from components.contracts.model.predictor import Predictor
from components.contracts.scores.confusion import confusion_matrix
from components.contracts.scores.metrics import mean_dice
from components.contracts.scores.report import (
    Baseline,
    CategoryScores,
    CityScores,
    Headline,
    SplitScores,
)
from components.contracts.scores.summary import Scores, summarize
from components.evaluate.calibration import Calibration
from components.evaluate.explain import ConfusedPair, Examples, WorstImages, most_confused
from tfds_cityscapes.labels import CLASS_NAMES, IGNORE_LABEL, NUM_CLASSES


@dataclass
class Assessment:
    """The result of one pass over a split.

    Attributes:
      confusion: int64 [19, 19], summed over the images.
      cities: the same by city; `city_images` counts their images.
    """

    confusion: np.ndarray
    cities: dict[str, np.ndarray]
    images: int
    dice_image_mean: float | None
    calibration: Calibration
    worst: WorstImages = field(default_factory=WorstImages)
    examples: Examples = field(default_factory=Examples)
    city_images: Counter[str] = field(default_factory=Counter)

    @property
    def scores(self) -> Scores:
        """The split's scores without cities, calibration and images."""
        return summarize(self.confusion, dice_image_mean=self.dice_image_mean)

    @property
    def confused(self) -> list[ConfusedPair]:
        """The most confused pairs of classes."""
        return most_confused(self.confusion, examples=self.examples)

    def report(self) -> SplitScores:
        """Return all scores, as `report.json` holds them."""
        scores = self.scores
        categories = {name: CategoryScores(iou=iou) for name, iou in scores.categories.items()}
        return SplitScores(
            **vars(scores) | {"categories": categories},
            images=self.images,
            confusion=self.confusion.tolist(),
            cities={
                city: CityScores(images=self.city_images[city], **_headline(confusion))
                for city, confusion in sorted(self.cities.items())
            },
            calibration=self.calibration.scores(),
            most_confused=[pair.words for pair in self.confused],
            worst_images=self.worst.list(),
        )


def _headline(confusion: np.ndarray) -> dict[str, float | None]:
    scores = summarize(confusion)
    return {name: getattr(scores, name) for name in Headline.model_fields}


def assess(
    predictor: Predictor,
    records: Records,
    split: str,
    worst: int = 6,
    progress: Callable[[int], None] = lambda done: None,
) -> Assessment:
    """Score a model on `split` at the labels' native size; the labels are never resized.

    Args:
      predictor: the model.
      records: the data set.
      split: "dev", "val" or "test".
      worst: how many of the worst images to keep.
      progress: called with the number of images done.
    """
    total = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    result = Assessment(total, {}, 0, None, Calibration(), WorstImages(worst))
    dices: list[float] = []
    for image_id, _, truth, predicted, confidence in predictions(
        predictor, records, records.ids(split)
    ):
        confusion = confusion_matrix(truth, predicted)
        total += confusion
        city = records.entries[image_id].city
        result.cities.setdefault(city, np.zeros_like(total))[...] += confusion
        result.city_images[city] += 1
        scored = truth != IGNORE_LABEL
        result.calibration.update(confidence[scored], (predicted == truth)[scored])
        result.worst.add(image_id, confusion)
        result.examples.add(image_id, confusion)
        dice = mean_dice(confusion)
        if dice is not None:
            dices.append(dice)
        result.images += 1
        progress(result.images)
    result.dice_image_mean = float(np.mean(dices)) if dices else None
    return result


def baseline(confusion: np.ndarray) -> Baseline:
    """Score the simplest model on the same labels: every pixel gets the most frequent class."""
    labeled = confusion.sum(axis=1)
    most = int(labeled.argmax())
    constant = np.zeros_like(confusion)
    constant[:, most] = labeled
    return Baseline.model_validate({"class": CLASS_NAMES[most]} | _headline(constant))

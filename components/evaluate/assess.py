"""Scores a model on one split, in one pass over its images, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.predictions import predictions
from components.contracts.model.predictor import Predictor
from components.contracts.scores.confusion import confusion_matrix
from components.contracts.scores.metrics import mean_dice
from components.contracts.scores.summary import Scores, summarize
from components.evaluate.calibration import Calibration
from components.evaluate.report.explain import ConfusedPair, Examples, WorstImages, most_confused
from tfds_cityscapes.labels import CLASS_NAMES, IGNORE_LABEL, NUM_CLASSES


@dataclass
class Assessment:
    """What one pass found.

    Attributes:
      confusion: int64 [19, 19], summed over the images.
      cities: the same, by city; `city_images` counts their images.
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
        """All scores of the split."""
        return summarize(self.confusion, dice_image_mean=self.dice_image_mean)

    @property
    def confused(self) -> list[ConfusedPair]:
        """The pairs of classes that are mixed up the most."""
        return most_confused(self.confusion, examples=self.examples)

    def to_json(self) -> dict[str, Any]:
        """As `report.json` holds it; fractions, null where undefined."""
        return self.scores.to_json() | {
            "images": self.images,
            "confusion": self.confusion.tolist(),
            "cities": {
                city: {"images": self.city_images[city], **_headline(confusion)}
                for city, confusion in sorted(self.cities.items())
            },
            "calibration": self.calibration.to_json(),
            "most_confused": [pair.words for pair in self.confused],
            "worst_images": [w.to_json() for w in self.worst.list()],
        }


def _headline(confusion: np.ndarray) -> dict[str, Any]:
    scores = summarize(confusion)
    return {"miou": scores.miou, "pixel_accuracy": scores.pixel_accuracy, "dice": scores.dice}


def assess(
    predictor: Predictor,
    records: Records,
    split: str,
    worst: int = 6,
    progress: Callable[[int], None] = lambda done: None,
) -> Assessment:
    """Scores a model on `split` at the labels' native size; the labels are never resized.

    Args:
      predictor: the model.
      records: the data set.
      split: "dev", "val" or "test".
      worst: how many of the worst images to remember.
      progress: called with the number of images done.
    """
    total = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    found = Assessment(total, {}, 0, None, Calibration(), WorstImages(max(1, worst)))
    dices: list[float] = []
    for image_id, _, truth, probabilities in predictions(predictor, records, records.ids(split)):
        predicted = probabilities.argmax(-1).astype(np.uint8)
        confusion = confusion_matrix(truth, predicted)
        total += confusion
        city = records.entries[image_id].city
        found.cities.setdefault(city, np.zeros_like(total))[...] += confusion
        found.city_images[city] += 1
        scored = truth != IGNORE_LABEL
        found.calibration.update(probabilities.max(-1)[scored], (predicted == truth)[scored])
        found.worst.add(image_id, confusion)
        found.examples.add(image_id, confusion)
        dice = mean_dice(confusion)
        if dice is not None:
            dices.append(dice)
        found.images += 1
        progress(found.images)
    found.dice_image_mean = float(np.mean(dices)) if dices else None
    return found


def baseline(confusion: np.ndarray) -> dict[str, Any]:
    """What the simplest model scores on the same labels: every pixel the most frequent class."""
    labeled = confusion.sum(axis=1)
    most = int(labeled.argmax())
    constant = np.zeros_like(confusion)
    constant[:, most] = labeled
    return {"class": CLASS_NAMES[most]} | _headline(constant)

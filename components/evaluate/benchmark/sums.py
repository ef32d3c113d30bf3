"""Sum the counts of images, and turn them into the scores of a city or of a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.contracts.scores.metrics import mean_defined, mean_dice, or_none
from components.contracts.scores.summary import Scores, summarize
from components.evaluate.benchmark.counts import PixelCounts
from components.evaluate.benchmark.official import OfficialScores, official_scores
from components.evaluate.benchmark.report import CategoryReport, CityReport, ClassReport


@dataclass
class Sums:
    """Sums over images: pixels, and each image's own Dice where it is defined."""

    with_instances: bool
    counts: PixelCounts = field(default_factory=PixelCounts)
    images: int = 0
    dice: float = 0.0
    dice_images: int = 0

    def add_image(self, counts: PixelCounts, matrix: np.ndarray) -> None:
        """Add one image's counts; `matrix` is their `scored()`."""
        dice = mean_dice(matrix)
        self.add(Sums(self.with_instances, counts, 1, dice or 0.0, int(dice is not None)))

    def add(self, other: Sums) -> None:
        """Add another's sums to these."""
        self.counts.add(other.counts)
        self.images += other.images
        self.dice += other.dice
        self.dice_images += other.dice_images

    def city(self) -> CityReport:
        """Return the means over the images."""
        return CityReport(**self._means(*self._scores()))

    def folder(self) -> dict[str, Any]:
        """Return the means, and the scores of classes and categories: fields of `FolderScores`."""
        ours, official = self._scores()
        return self._means(ours, official) | {
            "classes": {
                name: ClassReport(**vars(row), iiou=self._iiou(official.class_iiou[name]))
                for name, row in ours.classes.items()
            },
            "categories": {
                name: CategoryReport(iou=iou, iiou=self._iiou(official.category_iiou[name]))
                for name, iou in ours.categories.items()
            },
        }

    def _scores(self) -> tuple[Scores, OfficialScores]:
        dice = self.dice / self.dice_images if self.dice_images else None
        return summarize(self.counts.scored(), dice_image_mean=dice), official_scores(self.counts)

    def _means(self, ours: Scores, official: OfficialScores) -> dict[str, Any]:
        """Return the fields of a `CityReport`: the benchmark's where it defines them, else ours."""

        def mean(values: dict[str, float]) -> float | None:
            return mean_defined(np.array(list(values.values())))

        return vars(ours) | {
            "images": self.images,
            "miou": mean(official.class_iou),
            "miou_labeled_classes": ours.miou,
            "category_iou": mean(official.category_iou),
            "iiou": mean(official.class_iiou) if self.with_instances else None,
            "category_iiou": mean(official.category_iiou) if self.with_instances else None,
        }

    def _iiou(self, value: float) -> float | None:
        return or_none(value) if self.with_instances else None

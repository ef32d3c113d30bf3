"""Scoring a folder of predictions against a folder of labels, file by file.

Memory does not depend on the number of images: a few pairs are in flight at a time, and what is
kept of an image is its cells in a matrix (and, for the worst ones, one matrix each).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.contracts.scores.confusion import LabelMapError
from components.contracts.scores.metrics import mean_defined, mean_dice, or_none
from components.contracts.scores.summary import summarize
from components.evaluate.benchmark.id_files import ScoringError, read_ids
from components.evaluate.benchmark.label_files import TruthFile, find_truth, match_predictions
from components.evaluate.benchmark.official import PixelCounts, count_pair, official_scores
from components.evaluate.report.explain import (
    ConfusedPair,
    Examples,
    ImageScore,
    WorstImages,
    most_confused,
)
from tfds_cityscapes.labels import CLASS_NAMES


@dataclass(frozen=True)
class FolderReport:
    """The JSON report, and the files of the images that it names (for pictures)."""

    json: dict[str, Any]
    confusion: np.ndarray  # int64 [19, 20], see `metrics`
    worst: list[ImageScore]
    confused: list[ConfusedPair]
    files: dict[str, tuple[TruthFile, Path]]  # by image id


def score_pair(truth: TruthFile, prediction: Path) -> PixelCounts:
    """Reads and counts one image.

    Raises:
      ScoringError: a file is unreadable, of another size, or holds unknown ids; it is named.
    """
    instances = None if truth.instances is None else read_ids(truth.instances)
    try:
        return count_pair(read_ids(truth.labels), read_ids(prediction), instances)
    except LabelMapError as error:
        raise ScoringError(f"{error} The prediction is {prediction}, for {truth.labels}.") from None


def score_pairs(
    pairs: Iterable[tuple[TruthFile, Path]], workers: int | None = None
) -> Iterator[tuple[TruthFile, Path, PixelCounts]]:
    """Counts pairs in the order given, decoding a few at a time in threads of this process.

    Args:
      pairs: label and prediction files.
      workers: threads; by default one a core that this process may use.
    """
    workers = workers or len(os.sched_getaffinity(0))
    if workers == 1:
        for truth, prediction in pairs:
            yield truth, prediction, score_pair(truth, prediction)
        return
    waiting: deque[tuple[TruthFile, Path, Future[PixelCounts]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for truth, prediction in pairs:
                waiting.append((truth, prediction, pool.submit(score_pair, truth, prediction)))
                if len(waiting) > 2 * workers:
                    first, path, future = waiting.popleft()
                    yield first, path, future.result()
            while waiting:
                first, path, future = waiting.popleft()
                yield first, path, future.result()
        finally:
            for _, _, future in waiting:
                future.cancel()


def score_folders(
    predictions: Path,
    ground_truth: Path,
    *,
    split: str = "val",
    workers: int | None = None,
    worst: int = 10,
) -> FolderReport:
    """Scores every image of the ground truth as the Cityscapes benchmark does.

    Args:
      predictions: folder of label-id PNGs, see `label_files.match_predictions`.
      ground_truth: see `label_files.find_truth`.
      split: which split, if `ground_truth` is a data set's root.
      workers: threads, see `score_pairs`.
      worst: how many of the worst images to list.

    Raises:
      ScoringError: a file is missing or cannot be scored.
    """
    files = find_truth(ground_truth, split)
    paths = match_predictions(predictions, (file.image_id for file in files))
    with_instances = files[0].instances is not None
    cities: dict[str, _Running] = {}
    worst_images, examples = WorstImages(worst), Examples()
    for truth, _, counts in score_pairs(((f, paths[f.image_id]) for f in files), workers):
        matrix = counts.scored()
        cities.setdefault(truth.image_id.split("_")[0], _Running()).add(counts, matrix)
        worst_images.add(truth.image_id, matrix)
        examples.add(truth.image_id, matrix)
    total = _Running()
    for city in cities.values():
        total.merge(city)
    confusion = total.counts.scored()
    listed = worst_images.list()
    confused = most_confused(confusion, examples=examples)
    report = {
        **total.to_json(with_instances),
        "per_city": {
            name: {
                key: value
                for key, value in cities[name].to_json(with_instances).items()
                if not isinstance(value, dict)
            }
            for name in sorted(cities)
        },
        "confusion": {
            "truth": list(CLASS_NAMES),
            "predicted": [*CLASS_NAMES, "not scored"],
            "pixels": confusion.tolist(),
        },
        "worst_images": [score.to_json() for score in listed],
        "most_confused": [pair.to_json() for pair in confused],
    }
    named = {score.image_id for score in listed} | {pair.example for pair in confused}
    shown = {f.image_id: (f, paths[f.image_id]) for f in files if f.image_id in named}
    return FolderReport(report, confusion, listed, confused, shown)


class _Running:
    """Sums over images: counts, and the mean of each image's own Dice."""

    def __init__(self) -> None:
        self.counts = PixelCounts()
        self.images = 0
        self._dice_sum = 0.0
        self._dice_images = 0

    def add(self, counts: PixelCounts, matrix: np.ndarray) -> None:
        self.counts.add(counts)
        self.images += 1
        dice = mean_dice(matrix)
        if dice is not None:
            self._dice_sum += dice
            self._dice_images += 1

    def merge(self, other: _Running) -> None:
        self.counts.add(other.counts)
        self.images += other.images
        self._dice_sum += other._dice_sum
        self._dice_images += other._dice_images

    def to_json(self, with_instances: bool) -> dict[str, Any]:
        """All scores: the benchmark's where it defines them, ours for the rest."""
        dice = self._dice_sum / self._dice_images if self._dice_images else None
        scores = summarize(self.counts.scored(), dice_image_mean=dice)
        official = official_scores(self.counts)

        def mean(values: dict[str, float]) -> float | None:
            return mean_defined(np.array(list(values.values())))

        out = {
            "images": self.images,
            **scores.to_json(),
            "miou": mean(official.class_iou),
            "miou_labeled_classes": scores.miou,
            "category_iou": mean(official.category_iou),
            "iiou": mean(official.class_iiou) if with_instances else None,
            "category_iiou": mean(official.category_iiou) if with_instances else None,
        }
        for name, iiou in official.class_iiou.items():
            out["classes"][name]["iiou"] = or_none(iiou) if with_instances else None
        for name, iiou in official.category_iiou.items():
            out["categories"][name]["iiou"] = or_none(iiou) if with_instances else None
        return out

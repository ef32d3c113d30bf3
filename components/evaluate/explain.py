"""Explain mistakes in words: the most confused pairs of classes, and the worst images."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from components.contracts.process.errors import StreetloopError
from components.contracts.scores.metrics import class_iou, mean_iou, occurs, pixel_accuracy
from components.contracts.scores.report import Count, Fraction, ImageScores, Stored
from tfds_cityscapes.labels import CLASS_NAMES, NUM_CLASSES

NOT_SCORED = "a class that is not scored"

_PAIRS = 10


class ConfusedPair(Stored):
    """A pair of classes: `share` of the labeled pixels of `truth` were predicted as `predicted`.

    Attributes:
      example: the id of the image with the most such pixels, if images were tracked.
      words: the same in one sentence.
    """

    truth: str
    predicted: str
    pixels: Count
    share: Fraction
    example: str | None
    words: str


class Examples:
    """The image that confuses a pair of classes most, for each pair; in constant memory."""

    def __init__(self) -> None:
        self._pixels = np.zeros((NUM_CLASSES, NUM_CLASSES + 1), np.int64)
        self._ids = np.full(self._pixels.shape, None, object)

    def add(self, image_id: str, confusion: np.ndarray) -> None:
        """Add one image's own confusion matrix; of equals, the first stays."""
        cells = np.zeros_like(self._pixels)
        cells[:, : confusion.shape[1]] = confusion
        more = cells > self._pixels
        self._pixels[more] = cells[more]
        self._ids[more] = image_id

    def of(self, row: int, column: int) -> str | None:
        """Return the image for one cell of the matrix; None if no image confuses the pair."""
        return self._ids[row, column]


def most_confused(confusion: np.ndarray, examples: Examples | None = None) -> list[ConfusedPair]:
    """Return the ten pairs (true class, predicted class) that lose the largest share of the true class.

    By share, not by pixels: every class weighs the same in mIoU, and by pixels road would
    always lead. Pairs without a pixel are left out.

    Args:
      confusion: int [19, 19], or [19, 20] with a last column for predictions that are not scored.
      examples: the images that confuse each pair most.
    """
    confusion = np.asarray(confusion)
    names = (*CLASS_NAMES, NOT_SCORED)
    labeled = confusion.sum(axis=1)
    pairs = []
    for (row, column), cell in np.ndenumerate(confusion):
        if row == column or cell <= 0:
            continue
        share, truth, predicted = float(cell / labeled[row]), names[row], names[column]
        pairs.append(
            ConfusedPair(
                truth=truth,
                predicted=predicted,
                pixels=int(cell),
                share=share,
                example=examples.of(row, column) if examples else None,
                words=f"{100 * share:.1f} % of {truth} is taken for {predicted} ({cell:,} pixels).",
            )
        )
    pairs.sort(key=lambda pair: (-pair.share, -pair.pixels, pair.truth, pair.predicted))
    return pairs[:_PAIRS]


class WorstImages:
    """The `count` images with the lowest mIoU of all that were added; in constant memory."""

    def __init__(self, count: int = 10) -> None:
        """Start empty.

        Raises:
          StreetloopError: `count` is negative.
        """
        if count < 0:
            raise StreetloopError(f"Cannot keep {count} worst images. Expected 0 or more.")
        self._count = count
        # A heap of (-miou, image_id): its first entry is the best of the kept, the next to go.
        self._kept: list[tuple[float, _Reversed, np.ndarray]] = []

    def add(self, image_id: str, confusion: np.ndarray) -> None:
        """Add one image's own confusion matrix; an image without labels is skipped."""
        score = mean_iou(confusion)
        if score is None:
            return
        entry = (-score, _Reversed(image_id), confusion)
        if len(self._kept) < self._count:
            heapq.heappush(self._kept, entry)
        elif self._kept and entry[:2] > self._kept[0][:2]:
            heapq.heapreplace(self._kept, entry)

    def list(self) -> list[ImageScores]:
        """Return the images, worst first; ties in the order of the ids."""
        kept = sorted(self._kept, key=lambda entry: (-entry[0], entry[1].value))
        return [
            ImageScores(
                image_id=image_id.value,
                miou=-negative,
                pixel_accuracy=pixel_accuracy(confusion) or 0.0,
                words=_describe(confusion),
            )
            for negative, image_id, confusion in kept
        ]


@dataclass(frozen=True)
class _Reversed:
    """A string that sorts backwards, so that of equal scores the first id is kept."""

    value: str

    def __lt__(self, other: _Reversed) -> bool:
        return self.value > other.value


def _describe(confusion: np.ndarray) -> str:
    """Name the image's worst class, and what that was taken for."""
    scores = np.where(occurs(confusion), class_iou(confusion), np.inf)
    worst = int(np.argmin(scores))
    if scores[worst] == 1:
        return "Every labeled pixel is right."
    wrong = np.asarray(confusion[worst]).copy()
    wrong[worst] = 0
    sentence = f"Worst class: {CLASS_NAMES[worst]}, IoU {100 * scores[worst]:.1f} %"
    if not wrong.any():
        return sentence + ", predicted where it does not occur."
    taken_for = int(np.argmax(wrong))
    name = NOT_SCORED if taken_for == NUM_CLASSES else CLASS_NAMES[taken_for]
    return sentence + f", mostly taken for {name}."

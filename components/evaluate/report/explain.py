"""Mistakes in words: the most confused class pairs, and the images with the worst scores."""

from __future__ import annotations

import heapq
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from components.contracts.process.errors import StreetloopError
from components.contracts.scores.metrics import class_iou, mean_iou, occurs, pixel_accuracy
from tfds_cityscapes.labels import CLASS_NAMES, NUM_CLASSES

NOT_SCORED = "a class that is not scored"


@dataclass(frozen=True)
class ConfusedPair:
    """`share` of the labeled pixels of class `truth` were predicted as class `predicted`.

    `example` is the id of the image with the most such pixels, where images were kept track of.
    """

    truth: str
    predicted: str
    pixels: int
    share: float
    example: str | None = None

    @property
    def words(self) -> str:
        """One sentence."""
        return (
            f"{100 * self.share:.1f} % of {self.truth} is taken for {self.predicted} "
            f"({self.pixels:,} pixels)."
        )

    def to_json(self) -> dict[str, Any]:
        """This pair as plain JSON values, with the sentence."""
        return {**asdict(self), "words": self.words}


class Examples:
    """For each pair of classes, the image that mixes them up the most; constant memory."""

    def __init__(self) -> None:
        self._pixels = np.zeros((NUM_CLASSES, NUM_CLASSES + 1), np.int64)
        self._ids = np.full(self._pixels.shape, None, object)

    def add(self, image_id: str, confusion: np.ndarray) -> None:
        """Takes in one image's own confusion matrix; of equals, the first stays."""
        cells = np.zeros_like(self._pixels)
        cells[:, : confusion.shape[1]] = confusion
        more = cells > self._pixels
        self._pixels[more] = cells[more]
        self._ids[more] = image_id

    def of(self, row: int, column: int) -> str | None:
        """The image for one cell of the matrix; None if the pair occurs in none."""
        return self._ids[row, column]


def most_confused(
    confusion: np.ndarray, count: int = 10, examples: Examples | None = None
) -> list[ConfusedPair]:
    """The pairs (true class, predicted class) with the largest share of the true class lost.

    By share, not by pixels: every class weighs the same in mIoU, and by pixels road would
    always lead.

    Args:
      confusion: int [19, 19], or [19, 20] with a last column for predictions that are not scored.
      count: how many pairs at most; pairs without a pixel are left out.
      examples: where each pair's example comes from.
    """
    confusion = np.asarray(confusion)
    names = (*CLASS_NAMES, NOT_SCORED)
    labeled = confusion.sum(axis=1)
    pairs = [
        ConfusedPair(
            names[row],
            names[column],
            int(cell),
            float(cell / labeled[row]),
            examples.of(row, column) if examples else None,
        )
        for (row, column), cell in np.ndenumerate(confusion)
        if row != column and cell > 0
    ]
    pairs.sort(key=lambda pair: (-pair.share, -pair.pixels, pair.truth, pair.predicted))
    return pairs[:count]


@dataclass(frozen=True)
class ImageScore:
    """One image's own scores; `words` says what went wrong in it."""

    image_id: str
    miou: float
    pixel_accuracy: float
    words: str

    def to_json(self) -> dict[str, Any]:
        """These scores as plain JSON values."""
        return asdict(self)


class WorstImages:
    """Keeps the `count` images with the lowest mIoU of all that were added; constant memory."""

    def __init__(self, count: int = 10) -> None:
        """Starts empty.

        Raises:
          StreetloopError: `count` is not positive.
        """
        if count < 1:
            raise StreetloopError(f"Expected to keep at least one worst image; got {count}.")
        self._count = count
        # A heap of (-miou, image_id): its first entry is the best of the kept, the next to go.
        self._kept: list[tuple[float, _Reversed, np.ndarray]] = []

    def add(self, image_id: str, confusion: np.ndarray) -> None:
        """Takes in one image's own confusion matrix; an image without labels is passed over."""
        score = mean_iou(confusion)
        if score is None:
            return
        entry = (-score, _Reversed(image_id), confusion)
        if len(self._kept) < self._count:
            heapq.heappush(self._kept, entry)
        elif entry[:2] > self._kept[0][:2]:
            heapq.heapreplace(self._kept, entry)

    def list(self) -> list[ImageScore]:
        """Worst first; ties in the order of the ids."""
        kept = sorted(self._kept, key=lambda entry: (-entry[0], entry[1].value))
        return [
            ImageScore(
                image_id.value,
                -negative,
                float(pixel_accuracy(confusion) or 0.0),
                _describe(confusion),
            )
            for negative, image_id, confusion in kept
        ]


@dataclass(frozen=True)
class _Reversed:
    """Orders strings backwards, so that of equal scores the first id is kept."""

    value: str

    def __lt__(self, other: _Reversed) -> bool:
        return self.value > other.value


def _describe(confusion: np.ndarray) -> str:
    """What cost this image the most: its worst class, and what that was taken for."""
    scores = np.where(occurs(confusion), class_iou(confusion), np.inf)
    worst = int(np.argmin(scores))
    if scores[worst] == 1:
        return "Every labeled pixel is right."
    wrong = np.asarray(confusion[worst]).copy()
    wrong[worst] = 0
    sentence = f"Worst class: {CLASS_NAMES[worst]}, IoU {100 * scores[worst]:.1f} %"
    if not wrong.any():
        return sentence + ", predicted where it is not."
    taken_for = int(np.argmax(wrong))
    name = NOT_SCORED if taken_for == NUM_CLASSES else CLASS_NAMES[taken_for]
    return sentence + f", mostly taken for {name}."

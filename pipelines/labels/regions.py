"""The connected regions of suspect pixels of one label map."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from pipelines.labels.measure import Judged
from tfds_cityscapes.labels import NUM_CLASSES

SMALLEST = 0.001  # share of the image: what is smaller is the seam between two classes


class Region(NamedTuple):
    """Connected pixels that are labeled as one class and predicted as another.

    Attributes:
      labeled, predicted: train ids.
      pixels: how many.
      box: top, left, bottom and right edge in pixels; the last two are outside.
      score: how many pixels of it are expected to be wrong, as a share of the image: the sum of
        p(predicted) - p(labeled), divided by the image's pixels. Higher: ask first.
    """

    labeled: int
    predicted: int
    pixels: int
    box: tuple[int, int, int, int]
    score: float


def regions_of(judged: Judged, suspect: np.ndarray) -> list[Region]:
    """Return the regions of at least SMALLEST of the image, the highest score first.

    Args:
      judged: the label map and the model's answer.
      suspect: bool [H, W]; each suspect pixel has a class and is predicted as another one.
    """
    pair = judged.label.astype(np.int32) * NUM_CLASSES + judged.predicted
    numbers, sizes = np.unique(pair[suspect], return_counts=True)
    least = max(1, SMALLEST * suspect.size)
    gap = judged.confidence.astype(np.float64) - judged.own
    found: list[Region] = []
    for number, size in zip(numbers, sizes, strict=True):
        if size < least:
            continue
        one = (suspect & (pair == number)).astype(np.uint8)
        _, parts, boxes, _ = cv2.connectedComponentsWithStats(one, connectivity=8)
        doubts = np.bincount(parts.ravel(), gap.ravel())
        labeled, predicted = divmod(int(number), NUM_CLASSES)
        for part in range(1, len(boxes)):
            left, top, width, height, pixels = (int(v) for v in boxes[part])
            if pixels >= least:
                box = (top, left, top + height, left + width)
                score = float(doubts[part]) / suspect.size
                found.append(Region(labeled, predicted, pixels, box, score))
    return sorted(found, key=lambda region: (-region.score, region.box))

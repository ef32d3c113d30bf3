"""The Cityscapes benchmark's pixel-level scores, equal to cityscapesScripts to 1e-9.

Its conventions (`evalPixelLevelSemanticLabeling` 2.3.0, read and reimplemented):

- Files hold label ids (0..33). A pixel whose *truth* is an ignored id is not scored; *predicting*
  an ignored id is a miss of the true class.
- The mean IoU goes over the classes whose IoU is defined: one that does not occur in the labels
  but was predicted counts as 0. (`metrics.mean_iou` leaves it out.)
- iIoU: true positives and misses of an instance are weighted by (average instance size of its
  class) / (its own size); false positives are plain pixels. Only ids above 1000 are instances
  (a group of objects is not), and their class is id // 1000, whatever the label file says.
- A category's iIoU exists where all its classes have instances. Predicting an ignored class of the
  category (caravan, trailer) is a hit there.

Not copied: its pixel accuracy, which is off by default and counts the wrong pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.contracts.scores.metrics import CATEGORY_NAMES, category_iou, class_iou
from components.evaluate.benchmark.counts import PixelCounts
from components.evaluate.benchmark.tables import INSTANCE_CATEGORIES, SCORED_IDS, ids_of_category
from tfds_cityscapes.labels import CLASS_NAMES, TRAIN_LABELS


@dataclass(frozen=True)
class OfficialScores:
    """The benchmark's numbers, fractions by name; NaN where undefined."""

    class_iou: dict[str, float]
    class_iiou: dict[str, float]
    category_iou: dict[str, float]
    category_iiou: dict[str, float]


def official_scores(counts: PixelCounts) -> OfficialScores:
    """Score summed counts; iIoU means nothing if a pair was counted without instances."""
    matrix = counts.scored()
    class_iiou = dict.fromkeys(CLASS_NAMES, float("nan"))
    for row in TRAIN_LABELS:
        if row.has_instances:
            weighted, hits, _ = counts.weights[row.label_id].tolist()
            class_iiou[row.name] = _iiou(counts, hits, weighted, np.array([row.label_id]))
    category_iiou = dict.fromkeys(CATEGORY_NAMES, float("nan"))
    for name in INSTANCE_CATEGORIES:
        members = ids_of_category(name)
        weighted, _, hits = counts.weights[members].sum(axis=0).tolist()
        category_iiou[name] = _iiou(counts, hits, weighted, members)
    return OfficialScores(
        class_iou=dict(zip(CLASS_NAMES, class_iou(matrix).tolist(), strict=True)),
        class_iiou=class_iiou,
        category_iou=dict(zip(CATEGORY_NAMES, category_iou(matrix).tolist(), strict=True)),
        category_iiou=category_iiou,
    )


def _iiou(counts: PixelCounts, hits: float, weighted: float, members: np.ndarray) -> float:
    """Return the iIoU of the label ids `members`, given their weighted pixels and hits."""
    others = np.setdiff1d(SCORED_IDS, members)
    total = weighted + int(counts.confusion[np.ix_(others, members)].sum())
    return hits / total if total else float("nan")

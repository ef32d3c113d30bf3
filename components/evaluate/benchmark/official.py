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

from dataclasses import dataclass, field

import numpy as np

from components.contracts.scores.confusion import LabelMapError
from components.contracts.scores.metrics import CATEGORY_NAMES, category_iou, class_iou
from components.evaluate.benchmark import native
from tfds_cityscapes.labels import BY_NAME, IGNORE_LABEL, LABELS, TRAIN_LABELS

NUM_IDS = 1 + max(row.label_id for row in LABELS)
_LICENSE_PLATE = 255  # the id -1 in an 8-bit file; ignored, like the id 0

# Mean pixels an instance, from the benchmark's training set (cityscapesScripts, `avgClassSize`).
AVERAGE_INSTANCE_SIZE = {
    "bicycle": 4672.3249222261,
    "caravan": 36771.8241758242,
    "motorcycle": 6298.7200839748,
    "rider": 3930.4788056518,
    "bus": 35732.1511111111,
    "train": 67583.7075812274,
    "car": 12794.0202738185,
    "person": 3462.4756337644,
    "truck": 27855.1264367816,
    "trailer": 16926.9763313609,
}

_ROWS = [row for row in LABELS if row.label_id >= 0]
_SCORED_IDS = np.array([row.label_id for row in TRAIN_LABELS])
_IGNORED_IDS = np.array([row.label_id for row in _ROWS if row.train_id == IGNORE_LABEL])
_INSTANCE_IDS = np.array([row.label_id for row in TRAIN_LABELS if row.has_instances])
_MAY_BE_INSTANCE = np.isin(np.arange(66), np.concatenate([_INSTANCE_IDS, _IGNORED_IDS]))  # 16 bit
INSTANCE_CATEGORIES: tuple[str, ...] = tuple(
    name
    for name in CATEGORY_NAMES
    if all(row.has_instances for row in _ROWS if row.category == name)
)
_CATEGORY_NUMBERS = {name: number for number, name in enumerate(("void", *CATEGORY_NAMES))}
_CATEGORY_OF_ID = np.zeros(NUM_IDS, np.int64)
for _row in _ROWS:
    _CATEGORY_OF_ID[_row.label_id] = _CATEGORY_NUMBERS[_row.category]
_WEIGHT_OF_ID = np.zeros(NUM_IDS)
for _name, _size in AVERAGE_INSTANCE_SIZE.items():
    _WEIGHT_OF_ID[BY_NAME[_name].label_id] = _size


@dataclass
class PixelCounts:
    """What one or more pairs add up to; its size does not depend on their number.

    Attributes:
      confusion: int64 [34, 34], label ids, rows are the truth.
      weights: float64 [34, 3] a label id: the weighted pixels of its instances, those of them
        predicted as the class, and those predicted as its category.
    """

    confusion: np.ndarray = field(default_factory=lambda: np.zeros((NUM_IDS, NUM_IDS), np.int64))
    weights: np.ndarray = field(default_factory=lambda: np.zeros((NUM_IDS, 3)))

    def add(self, other: PixelCounts) -> None:
        """Adds another's counts to these."""
        self.confusion += other.confusion
        self.weights += other.weights

    def scored(self) -> np.ndarray:
        """The matrix that `metrics` takes: int64 [19, 20], the last column ignored predictions."""
        rows = self.confusion[_SCORED_IDS]
        return np.column_stack([rows[:, _SCORED_IDS], rows[:, _IGNORED_IDS].sum(axis=1)])


def count_pair(
    truth: np.ndarray, prediction: np.ndarray, instances: np.ndarray | None = None
) -> PixelCounts:
    """Counts one pair of label-id maps.

    Label maps are made of runs: only one number a run is looked up, which makes this fast.

    Args:
      truth: unsigned integers [H, W], label ids 0..33 (255 is the license plate's -1: ignored).
      prediction: unsigned integers [H, W], label ids 0..33.
      instances: unsigned integers [H, W]; above 1000, label id · 1000 + number.

    Raises:
      LabelMapError: sizes differ, or a map holds an unknown id.
    """
    maps = {"prediction": prediction, "instance map": instances}
    for name, other in maps.items():
        if other is not None and other.shape != truth.shape:
            raise LabelMapError(
                f"Expected a {name} of the label map's size {truth.shape[1]}x{truth.shape[0]}; "
                f"got {other.shape[1]}x{other.shape[0]}."
            )
    if not truth.size:
        return PixelCounts()
    counted = native.count if native.takes(truth, prediction, instances) else _count_runs
    table, ends, lengths = counted(truth, prediction, instances)
    table[0] += table[_LICENSE_PLATE]
    table[_LICENSE_PLATE] = 0
    _refuse_unknown(table.sum(axis=1), "label map")
    _refuse_unknown(
        table.sum(axis=0), "prediction", " It must hold label ids, not train ids (255 = ignore)."
    )
    counts = PixelCounts(confusion=table[:NUM_IDS, :NUM_IDS].copy())
    if instances is not None:
        ids = instances.ravel()[ends].astype(np.int64)
        _count_instances(counts, ids, prediction.ravel()[ends].astype(np.int64), lengths)
    return counts


def _count_runs(
    truth: np.ndarray, prediction: np.ndarray, instances: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `native.count` returns, for unsigned maps of any width, in NumPy."""
    maps = [one.ravel() for one in (truth, prediction, instances) if one is not None]
    changes = np.ones(truth.size, bool)
    changes[:-1] = np.logical_or.reduce([one[1:] != one[:-1] for one in maps])
    ends = np.flatnonzero(changes)
    lengths = np.diff(ends, prepend=-1)
    for one, name in zip(maps, ("label map", "prediction"), strict=False):
        _refuse_unknown(np.bincount(one[ends][one[ends] > 255]), name)
    # Weighted counts are float64: exact below 2^53 pixels.
    cells = np.bincount(maps[0][ends].astype(np.int64) * 256 + maps[1][ends], lengths, 256**2)
    things = np.zeros(ends.size, bool) if instances is None else maps[2][ends] > 1000
    return cells.astype(np.int64).reshape(256, 256), ends[things], lengths[things]


def _refuse_unknown(pixels: np.ndarray, which: str, hint: str = "") -> None:
    """Refuses ids above 33, given each id's number of pixels."""
    unknown = NUM_IDS + np.flatnonzero(pixels[NUM_IDS:])
    if unknown.size:
        raise LabelMapError(
            f"Expected label ids 0 to {NUM_IDS - 1} in the {which}; "
            f"got {unknown[:10].tolist()}.{hint}"
        )


def _count_instances(
    counts: PixelCounts, ids: np.ndarray, predicted_ids: np.ndarray, lengths: np.ndarray
) -> None:
    """Fills in `weights` from instances' runs: ids [R], predictions [R] and lengths [R]."""
    if not ids.size:
        return
    labels = ids // 1000
    without = ~_MAY_BE_INSTANCE[labels]
    if without.any():
        raise LabelMapError(
            "Expected instance ids (label id · 1000 + number) of classes that have instances; got "
            f"{np.unique(ids[without])[:10].tolist()}."
        )
    # An instance's size is that of all its runs, so it is summed before anything is weighted.
    same_class = predicted_ids == labels
    same_category = _CATEGORY_OF_ID[predicted_ids] == _CATEGORY_OF_ID[labels]
    sizes = np.bincount(ids, lengths, 1000 * NUM_IDS)  # by instance id, as are the next two
    found = np.bincount(ids[same_class], lengths[same_class], 1000 * NUM_IDS)
    near = np.bincount(ids[same_category], lengths[same_category], 1000 * NUM_IDS)
    present = np.flatnonzero(sizes)
    classes = present // 1000
    scale = _WEIGHT_OF_ID[classes] / sizes[present]
    for column, pixels in enumerate((sizes, found, near)):
        counts.weights[:, column] = np.bincount(classes, pixels[present] * scale, NUM_IDS)
    counts.weights[_IGNORED_IDS] = 0


def _iiou(hits: float, weighted: float, false_positives: int) -> float:
    total = weighted + false_positives
    return hits / total if total else float("nan")


@dataclass(frozen=True)
class OfficialScores:
    """The benchmark's numbers, fractions by name; NaN where undefined."""

    class_iou: dict[str, float]
    class_iiou: dict[str, float]
    category_iou: dict[str, float]
    category_iiou: dict[str, float]


def official_scores(counts: PixelCounts) -> OfficialScores:
    """The scores of summed counts; iIoU means nothing if a pair was counted without instances."""
    matrix = counts.scored()
    instance_classes: dict[str, float] = {}
    for row in TRAIN_LABELS:
        instance_classes[row.name] = float("nan")
        if row.has_instances:
            others = _SCORED_IDS[row.label_id != _SCORED_IDS]
            weighted, hits, _ = counts.weights[row.label_id].tolist()
            wrong = int(counts.confusion[others, row.label_id].sum())
            instance_classes[row.name] = _iiou(hits, weighted, wrong)
    instance_categories: dict[str, float] = {}
    for name in CATEGORY_NAMES:
        instance_categories[name] = float("nan")
        if name in INSTANCE_CATEGORIES:
            members = np.flatnonzero(_CATEGORY_NUMBERS[name] == _CATEGORY_OF_ID)
            others = np.setdiff1d(_SCORED_IDS, members)
            weighted, _, hits = counts.weights[members].sum(axis=0).tolist()
            wrong = int(counts.confusion[np.ix_(others, members)].sum())
            instance_categories[name] = _iiou(hits, weighted, wrong)
    names = [row.name for row in TRAIN_LABELS]
    return OfficialScores(
        class_iou=dict(zip(names, class_iou(matrix).tolist(), strict=True)),
        class_iiou=instance_classes,
        category_iou=dict(zip(CATEGORY_NAMES, category_iou(matrix).tolist(), strict=True)),
        category_iiou=instance_categories,
    )

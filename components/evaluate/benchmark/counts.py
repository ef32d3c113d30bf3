"""Count the pixels of a pair of label-id maps, and of the instances in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from components.contracts.scores.confusion import LabelMapError
from components.evaluate.benchmark import compiled
from components.evaluate.benchmark.tables import (
    CATEGORY_OF_ID,
    IGNORED_IDS,
    INSTANCE_WEIGHTS,
    MAY_BE_INSTANCE,
    NUM_IDS,
    SCORED_IDS,
)
from tfds_cityscapes.masks import MaskError, check_label_ids

_LICENSE_PLATE = 255  # the id -1 in an 8-bit file; ignored, like the id 0


@dataclass
class PixelCounts:
    """The summed counts of one or more pairs; their size does not depend on the number of pairs.

    Attributes:
      confusion: int64 [34, 34], label ids, rows are the truth.
      weights: float64 [34, 3] per label id: the weighted pixels of its instances, those of them
        predicted as the class, and those predicted as its category.
    """

    confusion: np.ndarray = field(default_factory=lambda: np.zeros((NUM_IDS, NUM_IDS), np.int64))
    weights: np.ndarray = field(default_factory=lambda: np.zeros((NUM_IDS, 3)))

    def add(self, other: PixelCounts) -> None:
        """Add another's counts to these."""
        self.confusion += other.confusion
        self.weights += other.weights

    def scored(self) -> np.ndarray:
        """Return the matrix that `metrics` takes: int64 [19, 20], last the ignored predictions."""
        rows = self.confusion[SCORED_IDS]
        return np.column_stack([rows[:, SCORED_IDS], rows[:, IGNORED_IDS].sum(axis=1)])


def count_pair(
    truth: np.ndarray, prediction: np.ndarray, instances: np.ndarray | None = None
) -> PixelCounts:
    """Count one pair of label-id maps.

    Label maps are made of runs: only one number per run is looked up, which makes this fast.

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
                f"The {name} has {other.shape[1]}x{other.shape[0]} pixels. Expected the label map's "
                f"size {truth.shape[1]}x{truth.shape[0]}."
            )
    if not truth.size:
        return PixelCounts()
    fast = compiled.can_count(truth, prediction, instances)
    table, ends, lengths = (compiled.count if fast else _count_runs)(truth, prediction, instances)
    try:
        check_label_ids(np.flatnonzero(table.any(axis=1)).tolist())
    except MaskError as error:
        raise LabelMapError(f"Label map: {error}") from error
    table[0] += table[_LICENSE_PLATE]
    table[_LICENSE_PLATE] = 0
    _reject_unknown(table.sum(axis=1), "label map")
    _reject_unknown(
        table.sum(axis=0),
        "prediction",
        " It is taken for label ids; for train ids (255 = ignore), let its name "
        "end with _labelTrainIds.png.",
    )
    counts = PixelCounts(confusion=table[:NUM_IDS, :NUM_IDS].copy())
    if instances is not None:
        ids = instances.ravel()[ends].astype(np.int64)
        predicted = prediction.ravel()[ends].astype(np.int64)
        counts.weights = _weigh_instances(ids, predicted, lengths)
    return counts


def _count_runs(
    truth: np.ndarray, prediction: np.ndarray, instances: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `compiled.count` returns, for unsigned maps of any width, in NumPy."""
    maps = [one.ravel() for one in (truth, prediction, instances) if one is not None]
    changes = np.ones(truth.size, bool)
    changes[:-1] = np.logical_or.reduce([one[1:] != one[:-1] for one in maps])
    ends = np.flatnonzero(changes)
    lengths = np.diff(ends, prepend=-1)
    for one, name in zip(maps, ("label map", "prediction"), strict=False):
        _reject_unknown(np.bincount(one[ends][one[ends] > 255]), name)
    # Weighted counts are float64: exact below 2^53 pixels.
    cells = np.bincount(maps[0][ends].astype(np.int64) * 256 + maps[1][ends], lengths, 256**2)
    things = np.zeros(ends.size, bool) if instances is None else maps[2][ends] > 1000
    return cells.astype(np.int64).reshape(256, 256), ends[things], lengths[things]


def _reject_unknown(pixels: np.ndarray, which: str, hint: str = "") -> None:
    """Reject ids above 33, given each id's number of pixels."""
    unknown = NUM_IDS + np.flatnonzero(pixels[NUM_IDS:])
    if unknown.size:
        raise LabelMapError(
            f"Unknown ids in the {which}: {unknown[:10].tolist()}. Expected label ids 0 to "
            f"{NUM_IDS - 1}.{hint}"
        )


def _weigh_instances(ids: np.ndarray, predicted: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the `weights` of instances, given their runs: ids, predictions and lengths, [R] each."""
    labels = ids // 1000
    impossible = ids[~MAY_BE_INSTANCE[labels]]
    if impossible.size:
        raise LabelMapError(
            f"Instance ids of classes without instances: {np.unique(impossible)[:10].tolist()}. "
            "Expected label id · 1000 + number."
        )
    # An instance's size is that of all its runs, so it is summed before anything is weighted.
    same_class = predicted == labels
    same_category = CATEGORY_OF_ID[predicted] == CATEGORY_OF_ID[labels]
    sizes, hits, near = (
        np.bincount(ids[of], lengths[of], 1000 * NUM_IDS)
        for of in (slice(None), same_class, same_category)
    )
    present = np.flatnonzero(sizes)
    classes = present // 1000
    scale = INSTANCE_WEIGHTS[classes] / sizes[present]
    columns = [np.bincount(classes, n[present] * scale, NUM_IDS) for n in (sizes, hits, near)]
    weights = np.column_stack(columns)
    weights[IGNORED_IDS] = 0
    return weights

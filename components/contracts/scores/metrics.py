"""Metrics as pure functions of one summed confusion matrix.

Every function takes `confusion`, int [19, 19] or [19, 20]: rows are the truth, columns the
prediction. The optional last column counts pixels predicted as a class that is not scored; as in
the Cityscapes benchmark they are misses of the true class and false alarms of none. Pixels whose
truth is ignored are in no cell. A class *occurs* if the scored labels have a pixel of it; means are
over the classes that occur. Arrays contain NaN, and scalars are None, where a metric is undefined.
"""

from __future__ import annotations

import numpy as np

from components.contracts.process.errors import StreetloopError
from tfds_cityscapes.labels import NUM_CLASSES, TRAIN_LABELS

CATEGORY_NAMES: tuple[str, ...] = tuple(dict.fromkeys(row.category for row in TRAIN_LABELS))
_CATEGORY_OF = np.array([CATEGORY_NAMES.index(row.category) for row in TRAIN_LABELS])


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    out = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out


def _counts(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count hits, labeled pixels and predicted pixels per class: int64 [19] each."""
    confusion = np.asarray(confusion)
    if confusion.shape not in ((NUM_CLASSES, NUM_CLASSES), (NUM_CLASSES, NUM_CLASSES + 1)):
        raise StreetloopError(
            f"Confusion matrix has the wrong shape: {list(confusion.shape)}. Expected "
            f"[{NUM_CLASSES}, {NUM_CLASSES}], or one more column for ignored predictions."
        )
    confusion = confusion.astype(np.int64, copy=False)
    scored = confusion[:, :NUM_CLASSES]
    return np.diagonal(scored), confusion.sum(axis=1), scored.sum(axis=0)


def or_none(value: float | np.floating) -> float | None:
    """Turn NaN, which JSON does not have, into None."""
    return None if np.isnan(value) else float(value)


def mean_defined(values: np.ndarray) -> float | None:
    """Average the entries that are not NaN; None if all are."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else None


def occurs(confusion: np.ndarray) -> np.ndarray:
    """Mark the classes that the scored labels contain: bool [19]."""
    return _counts(confusion)[1] > 0


def class_iou(confusion: np.ndarray) -> np.ndarray:
    """Compute the intersection over union, I / (P + G - I): float64 [19].

    A class that is predicted but does not occur has 0; only `mean_iou_of_either` counts it.
    """
    hits, labeled, predicted = _counts(confusion)
    return _ratio(hits, labeled + predicted - hits)


def class_dice(confusion: np.ndarray) -> np.ndarray:
    """Compute the Dice of the whole data set, 2·I / (P + G): float64 [19]."""
    hits, labeled, predicted = _counts(confusion)
    return _ratio(2 * hits, labeled + predicted)


def class_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Compute the recall, the share of labeled pixels that are predicted right, I / G: float64 [19]."""
    hits, labeled, _ = _counts(confusion)
    return _ratio(hits, labeled)


def mean_iou(confusion: np.ndarray) -> float | None:
    """Average `class_iou` over the classes that occur."""
    return mean_defined(class_iou(confusion)[occurs(confusion)])


def mean_iou_of_either(confusion: np.ndarray) -> float | None:
    """Average `class_iou` over the classes of the rows or the columns.

    For two label maps of which neither is the truth: the result is the same for both orders, and
    a class that only the columns contain counts as 0, where `mean_iou` leaves it out.
    """
    return mean_defined(class_iou(confusion))


def mean_dice(confusion: np.ndarray) -> float | None:
    """Average `class_dice` over the classes that occur."""
    return mean_defined(class_dice(confusion)[occurs(confusion)])


def mean_accuracy(confusion: np.ndarray) -> float | None:
    """Average `class_accuracy` over the classes that occur."""
    return mean_defined(class_accuracy(confusion))


def pixel_accuracy(confusion: np.ndarray) -> float | None:
    """Compute the share of the scored pixels whose class is right."""
    hits, labeled, _ = _counts(confusion)
    return float(hits.sum() / labeled.sum()) if labeled.sum() else None


def frequency_weighted_iou(confusion: np.ndarray) -> float | None:
    """Average `class_iou`, weighted by the labeled pixels per class (Long et al., 2015)."""
    present = occurs(confusion)
    if not present.any():
        return None
    labeled = _counts(confusion)[1][present]
    return float((labeled * class_iou(confusion)[present]).sum() / labeled.sum())


def category_iou(confusion: np.ndarray) -> np.ndarray:
    """Compute the IoU after merging the classes of each category: float64 [7], as `CATEGORY_NAMES`.

    Confusing two classes of one category (car and truck) is no mistake here.
    """
    _, labeled, predicted = _counts(confusion)
    groups = np.eye(len(CATEGORY_NAMES), dtype=np.int64)[_CATEGORY_OF]  # [19, 7]
    scored = np.asarray(confusion)[:, :NUM_CLASSES].astype(np.int64, copy=False)
    hits = np.diagonal(groups.T @ scored @ groups)
    return _ratio(hits, groups.T @ labeled + groups.T @ predicted - hits)


def mean_category_iou(confusion: np.ndarray) -> float | None:
    """Average `category_iou` over the categories that occur."""
    present = np.isin(np.arange(len(CATEGORY_NAMES)), _CATEGORY_OF[occurs(confusion)])
    return mean_defined(category_iou(confusion)[present])

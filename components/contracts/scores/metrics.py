"""Scores as pure functions of one summed confusion matrix.

Every function takes `confusion`, int [19, 19] or [19, 20]: rows are the truth, columns the
prediction. The optional last column counts pixels predicted as a class that is not scored; as in
the Cityscapes benchmark they are misses of the true class and false alarms of none. Pixels whose
truth is ignored are in no cell. A class *occurs* if the scored labels hold a pixel of it; means go
over the classes that occur. Arrays hold NaN, and scalars None, where a score is undefined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from components.contracts.process.errors import StreetloopError
from tfds_cityscapes.labels import CLASS_NAMES, NUM_CLASSES, TRAIN_LABELS

CATEGORY_NAMES: tuple[str, ...] = tuple(dict.fromkeys(row.category for row in TRAIN_LABELS))
_CATEGORY_OF = np.array([CATEGORY_NAMES.index(row.category) for row in TRAIN_LABELS])


@dataclass(frozen=True)
class ClassScores:
    """One class; fractions, None where undefined. `pixels` counts its labeled pixels."""

    iou: float | None
    dice: float | None
    accuracy: float | None
    pixels: int


@dataclass(frozen=True)
class Scores:
    """Everything that one confusion matrix says; fractions in [0, 1], None where undefined.

    `dice` is the data-set level Dice, 2·I/(P+G) a class and averaged over the classes that occur;
    `dice_image_mean` is the mean over images of each image's own Dice, a different number.
    """

    miou: float | None
    pixel_accuracy: float | None
    mean_accuracy: float | None
    dice: float | None
    dice_image_mean: float | None
    frequency_weighted_iou: float | None
    category_iou: float | None
    pixels: int
    classes: Mapping[str, ClassScores]
    categories: Mapping[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """These scores as plain JSON values (None becomes null)."""
        out = asdict(self)
        out["categories"] = {name: {"iou": iou} for name, iou in self.categories.items()}
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scores:
        """Reads what `to_json` wrote; keys that it does not know are left out."""
        values = {name: data[name] for name in cls.__dataclass_fields__}
        fields = ClassScores.__dataclass_fields__
        values["classes"] = {
            name: ClassScores(**{key: row[key] for key in fields})
            for name, row in data["classes"].items()
        }
        values["categories"] = {name: row["iou"] for name, row in data["categories"].items()}
        return cls(**values)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    out = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out


def _counts(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, labeled pixels and predicted pixels a class: int64 [19] each."""
    confusion = np.asarray(confusion)
    if confusion.shape not in ((NUM_CLASSES, NUM_CLASSES), (NUM_CLASSES, NUM_CLASSES + 1)):
        raise StreetloopError(
            f"Expected a confusion matrix of shape [{NUM_CLASSES}, {NUM_CLASSES}], or with one "
            f"more column for ignored predictions; got {list(confusion.shape)}."
        )
    confusion = confusion.astype(np.int64, copy=False)
    scored = confusion[:, :NUM_CLASSES]
    return np.diagonal(scored), confusion.sum(axis=1), scored.sum(axis=0)


def or_none(value: float | np.floating) -> float | None:
    """NaN, which JSON does not have, as None."""
    return None if np.isnan(value) else float(value)


def mean_defined(values: np.ndarray) -> float | None:
    """Mean over the entries that are not NaN; None if there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else None


def occurs(confusion: np.ndarray) -> np.ndarray:
    """Which classes the scored labels hold: bool [19]."""
    return _counts(confusion)[1] > 0


def class_iou(confusion: np.ndarray) -> np.ndarray:
    """Intersection over union, I / (P + G - I): float64 [19].

    A class that is predicted but does not occur has 0, and counts in no mean of this module.
    """
    hits, labeled, predicted = _counts(confusion)
    return _ratio(hits, labeled + predicted - hits)


def class_dice(confusion: np.ndarray) -> np.ndarray:
    """Dice at data-set level, 2·I / (P + G): float64 [19]."""
    hits, labeled, predicted = _counts(confusion)
    return _ratio(2 * hits, labeled + predicted)


def class_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Share of a class's labeled pixels that were found (recall), I / G: float64 [19]."""
    hits, labeled, _ = _counts(confusion)
    return _ratio(hits, labeled)


def mean_iou(confusion: np.ndarray) -> float | None:
    """Mean of `class_iou` over the classes that occur."""
    return mean_defined(class_iou(confusion)[occurs(confusion)])


def mean_dice(confusion: np.ndarray) -> float | None:
    """Mean of `class_dice` over the classes that occur."""
    return mean_defined(class_dice(confusion)[occurs(confusion)])


def mean_accuracy(confusion: np.ndarray) -> float | None:
    """Mean of `class_accuracy` over the classes that occur."""
    return mean_defined(class_accuracy(confusion))


def pixel_accuracy(confusion: np.ndarray) -> float | None:
    """Share of the scored pixels whose class is right."""
    hits, labeled, _ = _counts(confusion)
    return float(hits.sum() / labeled.sum()) if labeled.sum() else None


def frequency_weighted_iou(confusion: np.ndarray) -> float | None:
    """`class_iou` weighted by each class's share of the labeled pixels (Long et al., 2015)."""
    present = occurs(confusion)
    if not present.any():
        return None
    labeled = _counts(confusion)[1][present]
    return float((labeled * class_iou(confusion)[present]).sum() / labeled.sum())


def category_iou(confusion: np.ndarray) -> np.ndarray:
    """IoU after merging the classes of a category: float64 [7], in `CATEGORY_NAMES` order.

    Mixing up two classes of one category (car and truck) is no mistake here.
    """
    _, labeled, predicted = _counts(confusion)
    groups = np.eye(len(CATEGORY_NAMES), dtype=np.int64)[_CATEGORY_OF]  # [19, 7]
    scored = np.asarray(confusion)[:, :NUM_CLASSES].astype(np.int64, copy=False)
    hits = np.diagonal(groups.T @ scored @ groups)
    return _ratio(hits, groups.T @ labeled + groups.T @ predicted - hits)


def mean_category_iou(confusion: np.ndarray) -> float | None:
    """Mean of `category_iou` over the categories that occur."""
    present = np.isin(np.arange(len(CATEGORY_NAMES)), _CATEGORY_OF[occurs(confusion)])
    return mean_defined(category_iou(confusion)[present])


def summarize(confusion: np.ndarray, *, dice_image_mean: float | None = None) -> Scores:
    """All scores of one summed confusion matrix.

    Args:
      confusion: int [19, 19] or [19, 20], summed over the images.
      dice_image_mean: mean over the images of `mean_dice` of each image's own matrix, which the
        sum no longer holds.

    Raises:
      StreetloopError: the matrix has another shape.
    """
    _, labeled, _ = _counts(confusion)
    per_class = zip(
        CLASS_NAMES,
        class_iou(confusion),
        class_dice(confusion),
        class_accuracy(confusion),
        labeled,
        strict=True,
    )
    return Scores(
        miou=mean_iou(confusion),
        pixel_accuracy=pixel_accuracy(confusion),
        mean_accuracy=mean_accuracy(confusion),
        dice=mean_dice(confusion),
        dice_image_mean=dice_image_mean,
        frequency_weighted_iou=frequency_weighted_iou(confusion),
        category_iou=mean_category_iou(confusion),
        pixels=int(labeled.sum()),
        classes={
            name: ClassScores(or_none(iou), or_none(dice), or_none(accuracy), int(pixels))
            for name, iou, dice, accuracy, pixels in per_class
        },
        categories={
            name: or_none(iou)
            for name, iou in zip(CATEGORY_NAMES, category_iou(confusion), strict=True)
        },
    )

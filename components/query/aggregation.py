"""Aggregation: what a map of doubt says of a whole image, in one number.

Every pool image is unlabeled, so no pixel is void: all of its own pixels count, and what the network
saw of padding is cut off before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from components.contracts.recipe.query import AggregationName, QuerySettings

Aggregate = Callable[[np.ndarray, np.ndarray], float]


def mean(doubt: np.ndarray, classes: np.ndarray) -> float:
    """Return the mean over the pixels.

    Args:
      doubt: float32 [H, W].
      classes: predicted train ids, int [H, W].
    """
    return float(doubt.mean())


def top(doubt: np.ndarray, classes: np.ndarray, share: float) -> float:
    """Return the mean over the most doubtful share of the pixels, at least one.

    Args:
      doubt: float32 [H, W].
      classes: predicted train ids, int [H, W].
      share: in (0, 1].
    """
    count = max(1, round(share * doubt.size))
    return float(np.partition(doubt.ravel(), -count)[-count:].mean())


def per_class(doubt: np.ndarray, classes: np.ndarray) -> float:
    """Return the mean over the predicted classes of the mean over the pixels of each.

    Args:
      doubt: float32 [H, W].
      classes: predicted train ids, int [H, W].
    """
    pixels = np.bincount(classes.ravel())
    sums = np.bincount(classes.ravel(), doubt.ravel())
    predicted = pixels > 0
    return float((sums[predicted] / pixels[predicted]).mean())


def aggregate_by(settings: QuerySettings) -> Aggregate:
    """Return the aggregation that a recipe names."""
    by_name: Mapping[AggregationName, Aggregate] = {
        "mean": mean,
        "top": lambda doubt, classes: top(doubt, classes, settings.top_share),
        "per_class": per_class,
    }
    return by_name[settings.aggregation]

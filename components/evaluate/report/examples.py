"""Show where a pair of classes is confused, on a cut-out of one image."""

from __future__ import annotations

import numpy as np

from components.contracts.page.pictures import Picture, PictureRow, shrink, to_png
from components.evaluate.explain import NOT_SCORED, ConfusedPair
from components.evaluate.report.pictures import busiest, highlight, mixed_up
from tfds_cityscapes.labels import CLASS_NAMES

PAIRS_SHOWN = 4  # of the most confused pairs of classes
WIDTH = 480  # of a picture, in pixels


def example_row(
    pair: ConfusedPair, truth: np.ndarray, predicted: np.ndarray, views: dict[str, np.ndarray]
) -> PictureRow:
    """Show one pair's example, cut out around the mistakes.

    Args:
      pair: which classes.
      truth, predicted: the example's train ids [H, W].
      views: pictures uint8 [H, W, 3] by caption; the mistakes are painted on the last one.
    """
    names = [*CLASS_NAMES, NOT_SCORED]
    mask = mixed_up(truth, predicted, names.index(pair.truth), names.index(pair.predicted))
    window = busiest(mask)
    *_, last = views
    painted = views | {last: highlight(views[last], mask)}
    return PictureRow(
        f"{pair.truth} taken for {pair.predicted}",
        f"Pixels in {pair.example}: {int(mask.sum()):,} of {pair.pixels:,}.",
        [Picture(name, to_png(shrink(view[window], WIDTH))) for name, view in painted.items()],
    )

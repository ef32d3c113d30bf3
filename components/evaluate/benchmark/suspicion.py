"""Suspect predictions of train ids that are scored as label ids: the most frequent mistake here."""

from __future__ import annotations

from components.evaluate.benchmark.counts import PixelCounts
from components.evaluate.benchmark.tables import SCORED_IDS
from tfds_cityscapes.labels import NUM_CLASSES


def train_ids_suspected(counts: PixelCounts) -> str | None:
    """Return a warning if the predictions of a whole folder look like train ids, or None.

    No predicted id is above 18; and either the labels have ids above 18, or more pixels would be
    right if the predictions were train ids.
    """
    confusion = counts.confusion
    if not confusion.any() or confusion[:, NUM_CLASSES:].any():
        return None
    right = int(confusion.diagonal()[SCORED_IDS].sum())
    right_as_train_ids = int(confusion[SCORED_IDS, range(NUM_CLASSES)].sum())
    if not confusion[NUM_CLASSES:].any() and right >= right_as_train_ids:
        return None
    return (
        f"No predicted id is above {NUM_CLASSES - 1}, so the predictions look like train ids (0 to 18), "
        "but they were scored as label ids (0 to 33). If they are train ids, let their names end with "
        "_labelTrainIds.png, or convert them to label ids, and score again."
    )

"""The predictions of labeled records, and their scores at the labels' own size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from components.contracts.data.records import Record, Records
from components.contracts.model.predictor import Predictor, images_per_batch
from components.contracts.scores.confusion import confusion_matrix
from tfds_cityscapes.labels import NUM_CLASSES


class Prediction(NamedTuple):
    """One labeled image and its prediction. The truth is never resized; the prediction is."""

    image_id: str
    image: np.ndarray  # uint8 [h, w, 3], RGB, at the stored size
    truth: np.ndarray  # train ids, uint8 [H, W], at the label's own size
    classes: np.ndarray  # the most probable train ids, uint8 [H, W]
    confidence: np.ndarray  # their probabilities, float32 [H, W]


def predictions(predictor: Predictor, records: Records, ids: Sequence[str]) -> Iterator[Prediction]:
    """Predict labeled records in order; neighbours of equal size together, where that is faster."""
    for group in _groups(records, ids):
        images = np.stack([record.image for record in group])
        decisions = predictor.decide(images, _label(group[0]).shape)
        for record, decision in zip(group, decisions, strict=True):
            yield Prediction(record.image_id, record.image, _label(record), *decision)


def _groups(records: Records, ids: Sequence[str]) -> Iterator[list[Record]]:
    """Read records in order, in runs of equal sizes that are at most a batch long."""
    group: list[Record] = []
    for image_id in ids:
        record = records.read(image_id)
        sizes = record.image.shape, _label(record).shape
        if group and sizes != (group[0].image.shape, _label(group[0]).shape):
            yield group
            group = []
        group.append(record)
        if len(group) >= images_per_batch(max(record.image[..., 0].size, _label(record).size)):
            yield group
            group = []
    if group:
        yield group


def _label(record: Record) -> np.ndarray:
    assert record.label is not None  # only ids of dev, val and test come here
    return record.label


def score(
    predictor: Predictor,
    records: Records,
    ids: Sequence[str],
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Sum the confusion matrix over labeled records: int64 [19, 19], rows are the truth."""
    total = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    for done, predicted in enumerate(predictions(predictor, records, ids), 1):
        total += confusion_matrix(predicted.truth, predicted.classes)
        progress(done)
    return total

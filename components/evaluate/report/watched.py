"""The images that every cycle predicts anew, so that a reader sees the model learn."""

from __future__ import annotations

import cv2
import numpy as np

from components.contracts.data.records import Records, spread
from components.contracts.model.predictor import Predictor
from components.contracts.page.pictures import overlay, shrink, to_png

_WIDTH = 320


def watched_ids(records: Records, count: int) -> list[str]:
    """Return ids of `val` at equal distances: the same in every cycle of a campaign."""
    return spread(records.ids("val"), count)


def watched_pictures(predictor: Predictor, records: Records, count: int) -> dict[str, bytes]:
    """Draw the watched images: "<image id>/labels" and "<image id>/prediction", PNG files by name."""
    pictures = {}
    for image_id in watched_ids(records, count):
        record = records.read(image_id)
        image = shrink(record.image, _WIDTH)
        assert record.label is not None  # images of val have labels
        for name, train_ids in (
            ("labels", record.label),
            ("prediction", predictor.classes(record.image)),
        ):
            pictures[f"{image_id}/{name}"] = to_png(
                overlay(image, _nearest(train_ids, image.shape))
            )
    return pictures


def _nearest(train_ids: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resize a label map to the height and width of a picture."""
    resized: np.ndarray = cv2.resize(train_ids, shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return resized

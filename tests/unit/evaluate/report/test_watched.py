"""The watched images are the same in every cycle, and drawn with each cycle's own prediction."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.files import load_generator
from components.contracts.model.predictor import Predictor
from components.evaluate.report.watched import watched_ids, watched_pictures

CAMPAIGN = Path(__file__).parents[3] / "fixtures" / "campaigns" / "v0.1"
RECORDS = Records(next((CAMPAIGN / "records").iterdir()))


def test_watched_images_are_spread_over_val() -> None:
    ids = RECORDS.ids("val")
    assert len(ids) == 2
    assert watched_ids(RECORDS, 0) == []
    assert watched_ids(RECORDS, 1) == ids[:1]
    assert watched_ids(RECORDS, 9) == ids


def test_each_watched_image_has_its_labels_and_a_prediction() -> None:
    models = sorted((CAMPAIGN / "models").iterdir())
    drawn = [watched_pictures(Predictor(load_generator(m)), RECORDS, 1) for m in models]
    (image_id,) = watched_ids(RECORDS, 1)
    for pictures in drawn:
        assert sorted(pictures) == [f"{image_id}/labels", f"{image_id}/prediction"]
        for png in pictures.values():
            picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
            assert picture.shape == RECORDS.read(image_id).image.shape
    first, second = drawn
    assert first[f"{image_id}/labels"] == second[f"{image_id}/labels"]
    assert first[f"{image_id}/prediction"] != second[f"{image_id}/prediction"]

"""A cycle's own predictions on the pool are kept, made while ranking or afterwards."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from components.contracts.forecast.sample import PoolSample
from components.query.watch import Watcher


class Records:
    """Each image is one grey value."""

    def __init__(self, values: dict[str, int]) -> None:
        self.values, self.asked = values, []

    def read(self, image_id: str) -> Any:
        self.asked.append(image_id)
        return SimpleNamespace(image=np.full((2, 3, 3), self.values[image_id], np.uint8))


class Predictor:
    """Predicts an image's grey value as its class."""

    def classes(self, image: np.ndarray) -> np.ndarray:
        return image[..., 0]


def test_what_was_seen_is_kept_and_the_rest_is_predicted() -> None:
    records: Any = Records({"a": 1, "b": 2, "labeled": 3})
    predictor: Any = Predictor()
    watcher = Watcher("model", ["a", "b"])
    seen = np.zeros((2, 3, 19), np.float32)
    seen[..., 7] = 1
    watcher.see("a", seen)
    watcher.see("labeled", seen)
    found = PoolSample.decode(watcher.complete(predictor, records))
    assert found.model == "model"
    assert {i: np.unique(m).tolist() for i, m in found.maps.items()} == {"a": [7], "b": [2]}
    assert found.maps["b"].shape == (2, 3)
    assert records.asked == ["b"]

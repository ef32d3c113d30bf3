"""Keep what a cycle's own model predicts for a few images of the pool: the next cycle compares with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.contracts.data.records import Records
from components.contracts.forecast.sample import PoolSample, sample_of
from components.contracts.model.predictor import Predictor


class Watcher:
    """Collects predictions while the pool is ranked, and makes those that are missing."""

    def __init__(self, model: str, candidates: Sequence[str]) -> None:
        """Choose the images.

        Args:
          model: the id of the cycle's own model.
          candidates: ids of the unlabeled images.
        """
        self.sample = PoolSample(model)
        self._ids = frozenset(sample_of(candidates))

    def see(self, image_id: str, probabilities: np.ndarray) -> None:
        """Keep a prediction [H, W, 19] of the cycle's own model, if the image is in the sample."""
        if image_id in self._ids:
            self.sample.add(image_id, probabilities.argmax(-1))

    def add(self, sample: bytes) -> None:
        """Keep what another process has seen of the same candidates with the same model."""
        self.sample.maps |= PoolSample.decode(sample).maps

    def complete(self, predictor: Predictor, records: Records) -> bytes:
        """Predict the images that were not seen, and return the sample as a file."""
        for image_id in sorted(self._ids - self.sample.maps.keys()):
            self.sample.add(image_id, predictor.classes(records.read(image_id).image))
        # However the images were shared out, the file is the same.
        self.sample.maps = dict(sorted(self.sample.maps.items()))
        return self.sample.encode()

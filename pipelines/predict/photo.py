"""A model that labels photos of any size, each seen as in the model's training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.predict.model import as_trained
from pipelines.predict.view import Size, View, seen_size

if TYPE_CHECKING:
    import numpy as np


class PhotoPredictor:
    """Labels photos. Make it after `import_tensorflow`."""

    def __init__(self, file: Path, view: View) -> None:
        """Load a generator.

        Args:
          file: the generator; the files beside it describe it.
          view: how the network sees an image.

        Raises:
          ModelError: the file is not a generator.
        """
        from components.contracts.model.files import load_generator
        from components.contracts.model.predictor import Predictor

        self._view = view
        self._trained, own = as_trained(file)
        self._predictor = Predictor(load_generator(file), view.over(own))

    def train_ids(self, image: np.ndarray) -> np.ndarray:
        """Label one photo.

        Args:
          image: uint8 [H, W, 3], RGB.

        Returns:
          uint8 [H, W]: train ids.
        """
        size = (image.shape[0], image.shape[1])
        seen = _resized(image, self._view.size or seen_size(size, self._trained))
        return self._predictor.classes(seen, size)


def _resized(image: np.ndarray, size: Size) -> np.ndarray:
    import cv2

    if image.shape[:2] == size:
        return image
    shrinks = size[0] < image.shape[0]  # the same choice as for records
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized: np.ndarray = cv2.resize(image, size[::-1], interpolation=how)
    return resized

"""A model that labels photos of any size, each seen as in the model's training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.recipe.inference import InferenceSettings
from pipelines.predict.model import as_trained
from pipelines.predict.view import View, seen_size
from tfds_cityscapes.png import fit_image

if TYPE_CHECKING:
    import numpy as np


class PhotoPredictor:
    """Labels photos. Make it after `import_tensorflow`.

    Attributes:
      generator: the network.
      trained: height and width of the images that the model was trained on; None if they differed.
    """

    def __init__(self, file: Path, view: View, settings: InferenceSettings | None = None) -> None:
        """Load a generator.

        Args:
          file: the generator; the files beside it describe it.
          view: how the network sees an image.
          settings: of inference, below those of the view; None: as in the model's recipe.

        Raises:
          ModelError: the file is not a generator.
        """
        from components.contracts.model.files import load_generator
        from components.contracts.model.predictor import Predictor

        self._view = view
        self.trained, own = as_trained(file)
        self.generator = load_generator(file)
        self._predictor = Predictor(self.generator, view.over(settings or own))

    def train_ids(self, image: np.ndarray) -> np.ndarray:
        """Label one photo.

        Args:
          image: uint8 [H, W, 3], RGB.

        Returns:
          uint8 [H, W]: train ids.
        """
        size = (image.shape[0], image.shape[1])
        seen = fit_image(image, self._view.size or seen_size(size, self.trained))
        return self._predictor.classes(seen, size)

    def train_ids_as_seen(self, image: np.ndarray) -> np.ndarray:
        """Label an image that already has the size at which the network is to see it."""
        return self._predictor.classes(image)

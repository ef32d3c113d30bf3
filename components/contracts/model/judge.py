"""A trained discriminator at work on the predictions of whole images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from components.contracts.model.files import (
    DISCRIMINATOR_FILE,
    ModelError,
    load_network,
    read_model_info,
)
from components.contracts.model.predictor import pad_to_stride
from components.contracts.recipe.base import value_at
from components.contracts.recipe.networks import DISCRIMINATOR_TERMS
from tfds_cityscapes.labels import NUM_CLASSES

_MAPS, _IMAGE, _LOGITS = ((None, None, None, channels) for channels in (NUM_CLASSES, 3, 1))


class Judge:
    """Says how real a label map looks, pixel by pixel."""

    def __init__(self, discriminator: Any) -> None:
        """Take a network of maps, or of maps and images, [B, H, W, 19 and 3], to logits [B, H, W, 1]."""
        import tensorflow as tf

        sees_image = len(discriminator.inputs) == 2
        self._network = tf.function(
            lambda maps, image: discriminator([maps, image] if sees_image else maps),
            reduce_retracing=True,
        )

    def logits(self, probabilities: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Judge the prediction of one image.

        Args:
          probabilities: float32 [H, W, 19]; each pixel sums to 1.
          image: uint8 [H, W, 3], RGB.

        Returns:
          float32 [H, W]: above 0 where the discriminator takes the prediction for a label map.
        """
        import tensorflow as tf

        height, width = image.shape[:2]
        maps = pad_to_stride(probabilities[None].astype(np.float32))
        seen = pad_to_stride(image[None].astype(np.float32))
        found = self._network(tf.constant(maps), tf.constant(seen))
        logits: np.ndarray = found[0, :height, :width, 0].numpy()
        return logits


def load_judge(folder: Path) -> Judge:
    """Load the discriminator that was trained with a model's generator.

    Args:
      folder: of the model, whose files are checked.

    Raises:
      ModelError: there is no discriminator, it was not trained, or its file holds something else.
    """
    if not folder.is_dir():
        raise ModelError(
            f"{folder} is not a model's folder, so there is no discriminator beside the generator. Give "
            "the folder that training wrote, or choose another strategy."
        )
    info = read_model_info(folder)
    if DISCRIMINATOR_FILE not in info.files:
        raise ModelError(
            f"The model in {folder} has no discriminator. Train a new model, or choose another strategy."
        )
    if not any(value_at(info.recipe, f"train.objectives.{term}") for term in DISCRIMINATOR_TERMS):
        raise ModelError(
            f"The discriminator of the model in {folder} was not trained: the weights of "
            f"{', '.join(DISCRIMINATOR_TERMS)} were 0. Set train.objectives.{DISCRIMINATOR_TERMS[0]} "
            "and train a new model, or choose another strategy."
        )
    discriminator = load_network(folder / DISCRIMINATOR_FILE)
    shapes = [tuple(tensor.shape) for tensor in (*discriminator.inputs, *discriminator.outputs)]
    if shapes not in ([_MAPS, _LOGITS], [_MAPS, _IMAGE, _LOGITS]):
        raise ModelError(
            f"{folder / DISCRIMINATOR_FILE} is not a discriminator: its shapes are {shapes}. Expected "
            f"[B, H, W, {NUM_CLASSES}], and perhaps [B, H, W, 3], to [B, H, W, 1]."
        )
    return Judge(discriminator)

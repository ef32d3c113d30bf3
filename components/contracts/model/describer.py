"""Predict an image and describe it, in one pass of the generator where both need the same one."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.contracts.model.embedding import Embedder
from components.contracts.model.predictor import Predictor, pad_to_stride


class Describer:
    """Returns what a predictor and an embedder of one generator return, to the bit.

    Together they would run its encoder twice.
    """

    def __init__(self, predictor: Predictor, embedder: Embedder) -> None:
        self._predictor, self._embedder = predictor, embedder
        self._traced: dict[tuple[int, int], Any] = {}

    def describe(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predict and describe one image.

        Args:
          image: uint8 [H, W, 3], RGB, any size.

        Returns:
          `Predictor.probabilities`, float32 [H, W, 19]; `Embedder.embed`, float32 [D].
        """
        height, width = image.shape[:2]
        if not self._predictor.sees_alone((height, width)):
            return self._predictor.probabilities(image), self._embedder.embed(image)
        padded = pad_to_stride(image[None].astype(np.float32))
        found, vector = self._network((padded.shape[1], padded.shape[2]))(padded)
        seen = found[0, :height, :width].numpy()
        return self._predictor.probabilities(image, seen=seen), vector[0].numpy()

    def _network(self, size: tuple[int, int]) -> Any:
        """Trace the generator with both outputs, once per size."""
        import keras
        import tensorflow as tf

        if size not in self._traced:
            generator = self._predictor.generator
            both = keras.Model(generator.input, [generator.output, self._embedder.output])

            def run(images: Any) -> Any:
                logits, vector = both(images, training=False)
                return tf.nn.softmax(logits), vector

            self._traced[size] = tf.function(
                run, input_signature=[tf.TensorSpec([None, *size, 3], tf.float32)], autograph=False
            )
        return self._traced[size]

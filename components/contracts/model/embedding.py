"""Describe a whole image by the features of a generator's own encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.predictor import pad_to_stride
from components.contracts.recipe.networks import EncoderSettings

FEATURE_PREFIX = "feature_s"  # and the stride: the name of a layer where encoder and decoder meet
_COARSE = 8  # strides below it describe edges rather than content


class Embedder:
    """Turns images into vectors: the mean of each channel of the coarser features, side by side.

    Attributes:
      output: the Keras tensor of the vector, computed from the generator's input.
    """

    def __init__(self, generator: Any) -> None:
        import keras

        features = features_by_stride(generator)
        coarse = [x for stride, x in features.items() if stride >= _COARSE] or [generator.output]
        pooled = [keras.layers.GlobalAveragePooling2D(dtype="float32")(x) for x in coarse]
        self.output = (
            keras.layers.Concatenate(dtype="float32")(pooled) if len(pooled) > 1 else pooled[0]
        )
        self._network = keras.Model(generator.input, self.output, name="embedder")
        self._traced: dict[tuple[int, int], Any] = {}

    def embed(self, image: np.ndarray) -> np.ndarray:
        """Describe one image.

        Args:
          image: uint8 [H, W, 3], RGB, any size.

        Returns:
          float32 [D]; D depends on the encoder.
        """
        import tensorflow as tf

        padded = pad_to_stride(image[None].astype(np.float32))
        size = (int(padded.shape[1]), int(padded.shape[2]))
        if size not in self._traced:
            self._traced[size] = tf.function(
                lambda images: self._network(images, training=False),
                input_signature=[tf.TensorSpec([None, *size, 3], tf.float32)],
                autograph=False,
            )
        vector: np.ndarray = self._traced[size](tf.constant(padded))[0].numpy()
        return vector


def features_by_stride(generator: Any) -> dict[int, Any]:
    """Return the Keras tensors where a generator's encoder and decoder meet, finest first."""
    at_stride = {
        int(layer.name.removeprefix(FEATURE_PREFIX)): layer.output
        for layer in generator.layers
        if layer.name.startswith(FEATURE_PREFIX)
    }
    return dict(sorted(at_stride.items()))


def encoder_embedder(settings: EncoderSettings) -> Embedder:
    """Return what describes images by the features of a pretrained encoder, before there is a model.

    Raises:
      StreetloopError: the encoder's weights cannot be found, read or downloaded.
    """
    import keras

    from components.contracts.model.encoders.build import build_encoder

    image = keras.Input((None, None, 3), dtype="float32", name="image")
    features = [
        keras.layers.Identity(name=f"{FEATURE_PREFIX}{stride}")(tensor)
        for stride, tensor in build_encoder(image, settings, bn_momentum=0.9)
    ]
    return Embedder(keras.Model(image, features))


def embeddings_of(
    records: Records,
    ids: Iterable[str],
    embedder: Embedder,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Describe images: float32 [N, D] in the order of `ids`, standardised over them."""
    vectors = []
    for done, image_id in enumerate(ids, 1):
        vectors.append(embedder.embed(records.read(image_id).image))
        progress(done)
    return standardised(np.stack(vectors))


def standardised(embeddings: np.ndarray) -> np.ndarray:
    """Return embeddings [N, D] with mean 0 and deviation 1 in each column; a constant one becomes 0."""
    embeddings = np.asarray(embeddings, np.float32)
    if not len(embeddings):
        return embeddings
    deviation = embeddings.std(0)
    scaled: np.ndarray = (embeddings - embeddings.mean(0)) / np.where(
        deviation > 1e-6, deviation, 1
    )
    return scaled

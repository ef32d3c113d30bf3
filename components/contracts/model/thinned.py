"""A network that keeps leaving channels out when it predicts: Monte Carlo dropout.

Gal and Ghahramani, Dropout as a Bayesian Approximation (2016). Only what follows the dropout is computed
for each pass. The channels are drawn once, so that every image is seen by the same thinned networks and
its score does not depend on the order of the images.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from components.contracts.model.embedding import FEATURE_PREFIX
from components.contracts.process.errors import StreetloopError

DROPOUT = "dropout"  # the name of the layer in a generator, and in a head on a frozen encoder


class Thinned:
    """A few thinned copies of a network, which share its weights."""

    def __init__(self, network: Any, samples: int, rng: np.random.Generator) -> None:
        """Draw the channels that each copy leaves out.

        Args:
          network: from float32 [B, H, W, C] to logits, with a layer named `DROPOUT`. Where it passes
            features around that layer, their layers are named after `FEATURE_PREFIX`.
          samples: how many copies.
          rng: draws the channels.

        Raises:
          StreetloopError: the network has no dropout, so that all copies would be the same.
        """
        import keras
        import tensorflow as tf

        layers = {layer.name: layer for layer in network.layers}
        dropout = layers.get(DROPOUT)
        if dropout is None or not dropout.rate:
            raise StreetloopError(
                "The model has no dropout, so repeated passes would all be the same. Set "
                "train.network.dropout (such as 0.2) and train a new model, or choose another strategy."
            )
        others = [
            layer.output
            for name, layer in layers.items()
            if name.startswith(FEATURE_PREFIX) and layer.output is not dropout.input
        ]
        begin = keras.Model(network.input, [dropout.input, *others])
        end = keras.Model([dropout.output, *others], network.output)
        kept = rng.random((samples, dropout.output.shape[-1])) >= dropout.rate
        self._factors = kept.astype(np.float32) / max(1 - dropout.rate, 1e-6)
        self._begin = tf.function(lambda x: begin(x, training=False), reduce_retracing=True)
        self._end = tf.function(
            lambda x, others, factors: tf.nn.softmax(end([x * factors, *others], training=False)),
            reduce_retracing=True,
        )

    def passes(self, image: np.ndarray) -> Iterator[np.ndarray]:
        """Yield what each copy says of one image: probabilities, float32 [H, W, 19].

        Args:
          image: float32 [1, H, W, C], as the network takes it.
        """
        import tensorflow as tf

        # Keras returns a list of one tensor as that tensor.
        deepest, *others = tf.nest.flatten(self._begin(tf.constant(image)))
        for factors in self._factors:
            yield self._end(deepest, others, tf.constant(factors))[0].numpy()

"""The head that learns on frozen features: small enough that a fit takes seconds."""

from __future__ import annotations

import keras

from components.contracts.model.thinned import DROPOUT
from components.train.frozen.settings import HeadSettings
from tfds_cityscapes.labels import NUM_CLASSES


def build_head(channels: int, settings: HeadSettings) -> keras.Model:
    """Build a head.

    Args:
      channels: of the features.
      settings: its width and dropout.

    Returns:
      A model from features float32 [B, h, w, C] to logits float32 [B, h, w, 19]. Each cell sees the
      cells at most two away, beside what the encoder saw.
    """
    features = keras.Input((None, None, channels), name="features")
    x = keras.layers.Conv2D(settings.width, 1, activation="relu")(features)
    for _ in range(2):
        x = keras.layers.DepthwiseConv2D(3, padding="same")(x)
        x = keras.layers.Conv2D(settings.width, 1, activation="relu")(x)
    if settings.dropout:
        x = keras.layers.Dropout(settings.dropout, name=DROPOUT)(x)
    return keras.Model(features, keras.layers.Conv2D(NUM_CLASSES, 1, name="logits")(x))

"""The head that learns on frozen features: small enough that a fit takes seconds."""

from __future__ import annotations

import keras
from pydantic import Field

from components.contracts.recipe.base import Settings
from tfds_cityscapes.labels import NUM_CLASSES


class HeadSettings(Settings):
    """How a head is built and trained.

    Attributes:
      width: channels of its layers.
      dropout: share of the channels left out in training, before the last layer.
      steps: of training, whatever the number of labels, so that more labels get no more steps.
      batch_size: images per step.
      crop: share of an image's width that a step sees, at a random place.
      learning_rate: of AdamW at the first step; it falls to 0 along a cosine.
      weight_decay: of AdamW.
    """

    width: int = Field(default=128, ge=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    steps: int = Field(default=400, ge=1)
    batch_size: int = Field(default=4, ge=1)
    crop: float = Field(default=0.5, gt=0, le=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)


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
        x = keras.layers.Dropout(settings.dropout)(x)
    return keras.Model(features, keras.layers.Conv2D(NUM_CLASSES, 1, name="logits")(x))

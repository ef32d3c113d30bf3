"""The contracting path of a U-Net (Ronneberger et al., 2015), from scratch, with batch norm."""

from __future__ import annotations

from typing import Any

import keras

from components.contracts.model.encoders.feature import Feature


def build(image: Any, base: int, depth: int, bn_momentum: float) -> list[Feature]:
    """Build two 3x3 convolutions per level and a max-pooling between levels.

    Args:
      image: KerasTensor [B, H, W, 3] in [0, 255], RGB.
      base: channels at stride 1; each level doubles them.
      depth: how often the resolution is halved.
      bn_momentum: of every batch normalisation.

    Returns:
      Features at strides 1, 2, ... 2 ** depth: [B, H / stride, W / stride, base * stride].
    """
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="unet_rescaling")(image)
    features = []
    for level in range(depth + 1):
        stride = 2**level
        if level:
            x = keras.layers.MaxPooling2D(2, name=f"unet_pool_s{stride}")(x)
        for number in (1, 2):
            name = f"unet_s{stride}_conv{number}"
            x = keras.layers.Conv2D(
                base * stride,
                3,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
                name=name,
            )(x)
            x = keras.layers.BatchNormalization(momentum=bn_momentum, name=f"{name}_bn")(x)
            x = keras.layers.ReLU(name=f"{name}_relu")(x)
        features.append(Feature(stride, x))
    return features

"""One entrance to every encoder."""

from __future__ import annotations

from typing import Any

from components.contracts.model.encoders import applications, efficientnet_lite, unet
from components.contracts.model.encoders.feature import Feature
from components.contracts.recipe.networks import EncoderSettings


def build_encoder(image: Any, settings: EncoderSettings, bn_momentum: float) -> list[Feature]:
    """Build the encoder that the settings name on an image tensor.

    Args:
      image: KerasTensor [B, H, W, 3] in [0, 255], RGB; H and W divisible by 32.
      settings: which encoder, and its weights.
      bn_momentum: of every batch normalisation.

    Returns:
      Feature maps, finest first. The strides are 1, 2, ... 2 ** depth for `unet`; 4, 8, 16, 32
      for `convnext_tiny`; 2, 4, 8, 16, 32 for all others.

    Raises:
      StreetloopError: the weights cannot be found, read or downloaded.
    """
    if settings.name == "unet":
        return unet.build(image, settings.base, settings.depth, bn_momentum)
    module = efficientnet_lite if settings.name in efficientnet_lite.VARIANTS else applications
    features: list[Feature] = module.build(settings.name, image, settings.weights, bn_momentum)
    return features

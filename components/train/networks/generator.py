"""The generator: an encoder and a U-Net decoder, as one functional Keras model.

It has built-in layers only, so `keras.models.load_model` loads it without this project's code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from components.contracts.model.embedding import FEATURE_PREFIX, features_by_stride
from components.contracts.model.encoders.build import build_encoder
from components.contracts.model.encoders.feature import Feature
from components.contracts.model.thinned import DROPOUT
from components.contracts.recipe.networks import NetworkSettings
from tfds_cityscapes.labels import NUM_CLASSES

DECODER_PREFIXES = ("decoder_", "logits")  # of the names of the decoder's layers


def build_generator(settings: NetworkSettings) -> keras.Model:
    """Build the generator under the current Keras dtype policy.

    Args:
      settings: encoder, decoder and batch-norm settings. The layers of an encoder that is not to be
        trained are frozen.

    Returns:
      A functional model: float32 [B, H, W, 3] in [0, 255] (RGB; any H and W divisible by 32) to
      float32 logits [B, H, W, 19], whatever the policy computes in.

    Raises:
      StreetloopError: the encoder's weights cannot be found, read or downloaded.
    """
    image = keras.Input((None, None, 3), dtype="float32", name="image")
    features = [
        Feature(stride, keras.layers.Identity(name=f"{FEATURE_PREFIX}{stride}")(tensor))
        for stride, tensor in build_encoder(image, settings.encoder, settings.bn_momentum)
    ]
    if not settings.encoder.trainable:
        for layer in keras.Model(image, [feature.tensor for feature in features]).layers:
            layer.trainable = False
    logits = _decode(features, settings)
    return keras.Model(image, logits, name="generator")


def _decode(features: list[Feature], settings: NetworkSettings) -> Any:
    """Decode features, finest first, into float32 logits [B, H, W, 19]."""
    stride, x = features[-1]
    if settings.dropout:
        x = keras.layers.SpatialDropout2D(settings.dropout, name=DROPOUT)(x)
    skips = {feature.stride: feature.tensor for feature in features[:-1]}
    finest = min(settings.output_stride, stride)
    while stride > finest:
        stride //= 2
        # The width depends on the stride alone: recipes with other output strides stay comparable.
        width = min(settings.decoder_width * max(1, stride // 2), settings.decoder_max_width)
        x = keras.layers.UpSampling2D(
            2, interpolation=settings.upsampling, name=f"decoder_s{stride}_up"
        )(x)
        if stride in skips:
            x = keras.layers.Concatenate(name=f"decoder_s{stride}_concat")([x, skips[stride]])
            # [B, H / stride, W / stride, channels of x + channels of the skip]
        for number in range(1, settings.decoder_convolutions + 1):
            x = _conv_bn_relu(x, width, settings, f"decoder_s{stride}_conv{number}")
    logits = keras.layers.Conv2D(NUM_CLASSES, 1, name="logits", dtype="float32")(x)
    if stride > 1:
        # Bilinear even where the decoder uses nearest: blocky logits would harm thin classes.
        logits = keras.layers.UpSampling2D(
            stride, interpolation="bilinear", dtype="float32", name="logits_full_size"
        )(logits)
    return logits


def _conv_bn_relu(x: Any, width: int, settings: NetworkSettings, name: str) -> Any:
    make = (
        keras.layers.SeparableConv2D
        if settings.decoder_convolution == "separable"
        else keras.layers.Conv2D
    )
    x = make(width, 3, padding="same", use_bias=False, name=name)(x)
    x = keras.layers.BatchNormalization(momentum=settings.bn_momentum, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


class GeneratorParts(NamedTuple):
    """The two halves of a generator, which share its weights."""

    encoder: keras.Model  # image -> list of features, finest first
    decoder: keras.Model  # list of features, finest first -> logits


def split_generator(generator: keras.Model) -> GeneratorParts:
    """Split a generator where encoder and decoder meet, without copying any weight.

    Features are perturbed in between (UniMatch, Yang et al. 2023, section 3.2).
    """
    features = list(features_by_stride(generator).values())
    encoder = keras.Model(generator.input, features, name="encoder")
    decoder = keras.Model(features, generator.output, name="decoder")
    return GeneratorParts(encoder, decoder)

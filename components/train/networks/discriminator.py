"""The fully convolutional discriminator, which tells real label maps from predicted ones."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from components.contracts.recipe.networks import DiscriminatorSettings
from tfds_cityscapes.labels import NUM_CLASSES


def build_discriminator(settings: DiscriminatorSettings) -> keras.Model:
    """Build the discriminator of Hung et al. (2018), section 3.2, figure 1.

    Five 4x4 convolutions of stride 2, LeakyReLU between them, no batch norm, then bilinear
    up-sampling to the input size.

    Args:
      settings: its width, and whether it also sees the image.

    Returns:
      A functional model from float32 maps [B, H, W, 19] (soft-max or one-hot), or, if
      `settings.sees_image`, from the list [maps, image] with the image [B, H, W, 3] in [0, 255],
      to float32 logits [B, H, W, 1]: high where the map looks real. H and W are divisible by 32.
    """
    maps = keras.Input((None, None, NUM_CLASSES), dtype="float32", name="maps")
    inputs: Any = maps
    x: Any = maps
    if settings.sees_image:
        image = keras.Input((None, None, 3), dtype="float32", name="image")
        inputs = [maps, image]
        scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="image_rescaling")(image)
        x = keras.layers.Concatenate(name="maps_and_image")([maps, scaled])
    for number, multiple in enumerate((1, 2, 4, 8), 1):
        x = keras.layers.Conv2D(
            settings.base * multiple, 4, 2, padding="same", name=f"conv{number}"
        )(x)
        x = keras.layers.LeakyReLU(settings.leaky_slope, name=f"leaky_relu{number}")(x)
    x = keras.layers.Conv2D(1, 4, 2, padding="same", dtype="float32", name="conv5")(x)
    logits = keras.layers.UpSampling2D(
        32, interpolation="bilinear", dtype="float32", name="logits_full_size"
    )(x)
    return keras.Model(inputs, logits, name="discriminator")


def label_maps(labels: tf.Tensor) -> tf.Tensor:
    """Turn labels into the discriminator's real maps: one-hot, 0 where ignored.

    Args:
      labels: [B, H, W] int32 in [0, 19) or 255.

    Returns:
      float32 [B, H, W, 19].
    """
    return tf.one_hot(labels, NUM_CLASSES)  # an index out of range becomes all zeros


def predicted_maps(logits: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Turn the generator's logits into the discriminator's fake maps: soft-max, 0 where not valid.

    Where nothing is annotated a real map is empty: a predicted one must be as well, or it is told by that.

    Args:
      logits: [B, H, W, 19].
      valid: [B, H, W] bool; False where a label is 255, and in the padding.

    Returns:
      float32 [B, H, W, 19].
    """
    return tf.nn.softmax(logits) * tf.cast(valid, tf.float32)[..., None]

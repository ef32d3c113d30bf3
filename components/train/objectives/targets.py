"""Choose what unlabeled images teach: the teacher's classes, CutMix of them, and trusted pixels."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from components.train.networks import replicas
from tfds_cityscapes.labels import IGNORE_LABEL


class Targets(NamedTuple):
    """A teacher's prediction of unlabeled images."""

    pseudo_labels: tf.Tensor  # [B, H, W] int32 in [0, C) or 255
    confidence: tf.Tensor  # [B, H, W] float32 in [0, 1]: the largest soft-max probability


def teacher_targets(teacher_logits: tf.Tensor, valid: tf.Tensor) -> Targets:
    """Turn logits [B, H, W, C] into targets without a gradient; invalid pixels become 255."""
    probabilities = tf.nn.softmax(tf.cast(tf.stop_gradient(teacher_logits), tf.float32))
    classes = tf.argmax(probabilities, -1, output_type=tf.int32)
    return Targets(
        tf.where(valid, classes, IGNORE_LABEL * tf.ones_like(classes)),
        tf.reduce_max(probabilities, -1),
    )


def cutmix(values: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """Paste boxes of the next image over each image of the batch; its targets follow alike.

    CutMix for segmentation (French et al., 2020), section 3.3.

    Args:
      values: images [U, H, W, 3], or what belongs to their pixels, [U, H, W].
      boxes: bool [U, H, W].
    """
    mask = boxes if len(values.shape) == 3 else boxes[..., None]
    return tf.where(mask, replicas.next_rows(values), values)


def trusted_pixels(
    discriminator_logits: tf.Tensor, valid: tf.Tensor, threshold: float
) -> tf.Tensor:
    """Return where D takes a prediction for real: sigmoid(D) > threshold and valid; bool [B, H, W]."""
    return tf.logical_and(tf.sigmoid(discriminator_logits[..., 0]) > threshold, valid)

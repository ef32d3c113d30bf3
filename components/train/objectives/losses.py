"""Compute each loss as a pure function: tensors in, one float32 number out.

Throughout: `logits` [B, H, W, C] of any float type, `labels` [B, H, W] int32 in [0, C) or 255
(= ignore), `valid` [B, H, W] bool. A loss is a mean over the pixels that count, so that padding and
unannotated pixels cost nothing; where no pixel counts it is 0 and so is its gradient.

With several replicas the pixels that count are those of all of them, and each value is the replica's
share: the sum of the shares is the loss of the whole batch, and their gradients add up to its gradient.
"""

from __future__ import annotations

import tensorflow as tf

from components.train.networks import replicas
from components.train.objectives.targets import Targets
from tfds_cityscapes.labels import IGNORE_LABEL


def masked_mean(values: tf.Tensor, mask: tf.Tensor, count: tf.Tensor | None = None) -> tf.Tensor:
    """Divide the sum of values [..] where the mask [..] holds by their number, or `count`; 0 if none."""
    mask = tf.cast(mask, tf.float32)
    count = tf.reduce_sum(mask) if count is None else tf.cast(count, tf.float32)
    # Multiplying keeps a NaN a NaN: it must stop the run, not vanish behind a mask.
    return tf.math.divide_no_nan(tf.reduce_sum(values * mask), replicas.total(count))


def pixel_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return -log softmax(logits)[label], float32 [B, H, W]; it is meaningless where ignored."""
    known = tf.where(labels == IGNORE_LABEL, tf.zeros_like(labels), labels)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(known, tf.cast(logits, tf.float32))


def supervised_loss(
    logits: tf.Tensor,
    labels: tf.Tensor,
    class_weights: tf.Tensor | None = None,
    hard_share: float = 1.0,
) -> tf.Tensor:
    """Return the cross-entropy: the sum over valid pixels of w[label] * CE, over their number.

    The sum is not divided by the weights' sum: a batch of easy classes counts less, as intended.
    Give weights whose mean over all labeled pixels is 1, and the scale stays that of plain
    cross-entropy (`class_weights.log_weights` does).

    Args:
      logits: [B, H, W, C].
      labels: [B, H, W] int32 in [0, C) or 255.
      class_weights: float32 [C], or None for 1 everywhere.
      hard_share: of each image's valid pixels, those with the largest weighted loss that count.
    """
    values = pixel_cross_entropy(logits, labels)
    valid = labels != IGNORE_LABEL
    if class_weights is not None:
        values *= tf.gather(class_weights, tf.where(valid, labels, tf.zeros_like(labels)))
    if hard_share < 1.0:
        valid = tf.logical_and(valid, values >= _hard_from(values, valid, hard_share))
    return masked_mean(values, valid)


def _hard_from(values: tf.Tensor, valid: tf.Tensor, share: float) -> tf.Tensor:
    """Return from which value on a pixel is among an image's hard ones: float32 [B, 1, 1]."""
    flat = tf.reshape(tf.where(valid, values, -1.0), [values.shape[0], -1])
    ordered = tf.sort(tf.stop_gradient(flat), direction="DESCENDING")
    pixels = tf.reduce_sum(tf.cast(valid, tf.float32), (1, 2))
    last = tf.maximum(tf.cast(tf.math.ceil(share * pixels), tf.int32) - 1, 0)
    return tf.gather(ordered, last, batch_dims=1)[:, None, None]


def dice_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Return 1 - soft Dice: the mean over classes of 2 * sum(p * g) / (sum(p) + sum(g)).

    Sums run over the whole batch's valid pixels; p is the soft-max, g the one-hot label. A class without
    a valid pixel is left out (Milletari et al., 2016, with p and g not squared).

    Args:
      logits: [B, H, W, C].
      labels: [B, H, W] int32 in [0, C) or 255.
    """
    truth = tf.one_hot(labels, logits.shape[-1])  # [B, H, W, C]; all zeros where ignored
    valid = tf.cast(labels != IGNORE_LABEL, tf.float32)[..., None]
    probabilities = tf.nn.softmax(tf.cast(logits, tf.float32)) * valid
    pixels = (0, 1, 2)
    overlap = replicas.total(tf.reduce_sum(probabilities * truth, pixels))  # [C]
    truth_size = replicas.total(tf.reduce_sum(truth, pixels))
    sizes = replicas.total(tf.reduce_sum(probabilities, pixels)) + truth_size
    dice = tf.math.divide_no_nan(2.0 * overlap, sizes)
    return masked_mean(1.0 - dice, truth_size > 0)


def _real_or_fake(discriminator_logits: tf.Tensor, real: bool) -> tf.Tensor:
    """Return the cross-entropy of logits [B, H, W, 1] to "real" or "fake": float32 [B, H, W]."""
    logits = tf.cast(discriminator_logits[..., 0], tf.float32)
    return tf.nn.softplus(-logits if real else logits)  # -log sigmoid(x) = softplus(-x)


def adversarial_loss(discriminator_logits: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Reward the generator for being taken for real: the mean of -log D(G(x)).

    From Hung et al. (2018), eq. 4.

    Args:
      discriminator_logits: [B, H, W, 1] for predicted maps (`discriminator.predicted_maps`).
      valid: [B, H, W] bool; False in the padding.
    """
    return masked_mean(_real_or_fake(discriminator_logits, real=True), valid)


def discriminator_loss(
    real_logits: tf.Tensor, real_valid: tf.Tensor, fake_logits: tf.Tensor, fake_valid: tf.Tensor
) -> tf.Tensor:
    """Return half of: the mean of -log D(y) over real pixels, plus -log(1 - D(G(x))) over fake ones.

    From Hung et al. (2018), eq. 1, halved as in the authors' code: chance is log 2, 0.2 to 0.5 is
    healthy. Pass predictions through tf.stop_gradient: this loss trains the discriminator alone.

    Args:
      real_logits: [B, H, W, 1] for one-hot label maps.
      real_valid: [B, H, W] bool; False where the label is 255.
      fake_logits: [B', H, W, 1] for predicted maps.
      fake_valid: [B', H, W] bool; False in the padding.
    """
    real = masked_mean(_real_or_fake(real_logits, real=True), real_valid)
    fake = masked_mean(_real_or_fake(fake_logits, real=False), fake_valid)
    return 0.5 * (real + fake)


def discriminator_accuracy(
    discriminator_logits: tf.Tensor, valid: tf.Tensor, real: bool
) -> tf.Tensor:
    """Return the share of valid pixels that D judges rightly; near 1 on both kinds, D has won."""
    right = (discriminator_logits[..., 0] > 0) == real
    return masked_mean(tf.cast(right, tf.float32), valid)


def semi_supervised_loss(logits: tf.Tensor, trusted: tf.Tensor) -> tf.Tensor:
    """Train on the network's own argmax where the discriminator trusts it: the cross-entropy there.

    From Hung et al. (2018), eq. 5. Neither the pseudo labels nor the choice of pixels carries a
    gradient.

    Args:
      logits: [B, H, W, C] of unlabeled images.
      trusted: [B, H, W] bool, from `targets.trusted_pixels`.
    """
    pseudo_labels = tf.stop_gradient(tf.argmax(logits, -1, output_type=tf.int32))
    return masked_mean(pixel_cross_entropy(logits, pseudo_labels), trusted)


def consistency_loss(logits: tf.Tensor, targets: Targets, threshold: float) -> tf.Tensor:
    """Return the cross-entropy of a strong view to the teacher's classes of the weak view.

    Only pixels with confidence >= threshold add to the sum; it is divided by the number of all
    valid pixels, so that an unsure teacher says less (FixMatch, Sohn et al. 2020, eq. 4; UniMatch,
    Yang et al. 2023, eq. 3 and the authors' code).

    Args:
      logits: [B, H, W, C] of the strong view, or of perturbed features.
      targets: of the same pixels (mixed with the same boxes, if CutMix mixed the view).
      threshold: in [0, 1].
    """
    valid = targets.pseudo_labels != IGNORE_LABEL
    sure = tf.logical_and(valid, targets.confidence >= threshold)
    values = pixel_cross_entropy(logits, tf.stop_gradient(targets.pseudo_labels))
    return masked_mean(values, sure, count=tf.math.count_nonzero(valid))

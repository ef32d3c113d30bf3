"""One training step of the U-Net GAN: first the generator, then the discriminator."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from components.contracts.recipe.train import TrainSettings
from components.train.networks import replicas
from components.train.networks.batch_norm import statistics_kept_still
from components.train.networks.discriminator import label_maps
from components.train.networks.generator import GeneratorParts, split_generator
from components.train.networks.networks import Networks
from components.train.objectives.losses import (
    Targets,
    adversarial_loss,
    consistency_loss,
    dice_loss,
    discriminator_accuracy,
    discriminator_loss,
    masked_mean,
    semi_supervised_loss,
    supervised_loss,
    teacher_targets,
    trusted_pixels,
)
from tfds_cityscapes.labels import IGNORE_LABEL

Batch = dict[str, tf.Tensor]
Losses = dict[str, tf.Tensor]


def make_train_step(
    networks: Networks,
    settings: TrainSettings,
    class_weights: np.ndarray | None,
    seed: int = 0,
) -> Callable[[Batch, tf.Tensor], Losses]:
    """Builds the step for the objectives whose weight is not 0.

    Args:
      networks: what the step changes.
      settings: weights and thresholds.
      class_weights: float32 [19] for the cross-entropy, or None.
      seed: of the features that are left out.

    Returns:
      a compiled function from a batch (`stream.batches`, `devices.shared_out`) and the step's number
      to every term's value, unweighted.
    """
    weights = settings.objectives
    generator, discriminator = networks.generator, networks.discriminator
    classes = None if class_weights is None else tf.constant(class_weights, tf.float32)
    with_gan = bool(
        weights.adversarial_labeled or weights.adversarial_unlabeled or weights.semi_supervised
    )

    parts = split_generator(generator)

    def judge(maps: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        """The discriminator's logits for label maps [B, H, W, 19]: [B, H, W, 1]."""
        return discriminator([maps, image] if settings.discriminator.sees_image else maps)

    def once(start: float, step: tf.Tensor) -> tf.Tensor:
        """1 from this share of the steps on, 0 before."""
        return tf.cast(step >= round(start * settings.steps), tf.float32)

    def train_step(batch: Batch, step: tf.Tensor) -> Losses:
        unlabeled = "weak" in batch
        views, targets, mixed_targets = [batch["image"]], None, None
        if unlabeled and (weights.adversarial_unlabeled or weights.semi_supervised):
            views.append(batch["weak"])
        if unlabeled and (weights.consistency or weights.feature_consistency):
            teacher = networks.averaged(batch["weak"], training=False)
            targets = teacher_targets(teacher, tf.logical_not(batch["padding"]))
        if targets is not None and weights.consistency:
            mixed, mixed_targets = _cutmix(batch["strong"], targets, batch["cutmix"])
            views.append(mixed)
        losses: Losses = {}
        total = tf.constant(0.0)
        with tf.GradientTape() as tape:
            logits = tf.split(
                generator(tf.concat(views, 0), training=True), [v.shape[0] for v in views]
            )
            labeled_valid = batch["label"] != IGNORE_LABEL
            losses["supervised_loss"] = supervised_loss(logits[0], batch["label"], classes)
            total += weights.supervised * losses["supervised_loss"]
            if weights.dice:
                losses["dice_loss"] = dice_loss(logits[0], batch["label"])
                total += weights.dice * losses["dice_loss"]
            maps = [tf.nn.softmax(part) for part in logits]
            if with_gan:
                verdict = judge(maps[0], batch["image"])
                losses["adversarial_loss"] = adversarial_loss(verdict, labeled_valid)
                total += weights.adversarial_labeled * losses["adversarial_loss"]
            if with_gan and len(views) > 1 and views[1] is batch["weak"]:
                valid = tf.logical_not(batch["padding"])
                verdict = judge(maps[1], batch["weak"])
                losses["adversarial_loss_unlabeled"] = adversarial_loss(verdict, valid)
                total += weights.adversarial_unlabeled * losses["adversarial_loss_unlabeled"]
                trusted = trusted_pixels(verdict, valid, weights.semi_supervised_threshold)
                losses["semi_supervised_loss"] = semi_supervised_loss(logits[1], trusted)
                every = tf.ones_like(trusted)
                losses["trusted_share"] = masked_mean(tf.cast(trusted, tf.float32), every)
                start = once(weights.semi_supervised_start, step)
                total += start * weights.semi_supervised * losses["semi_supervised_loss"]
            threshold = weights.consistency_threshold
            start = once(weights.consistency_start, step)
            if mixed_targets is not None:
                losses["consistency_loss"] = consistency_loss(logits[-1], mixed_targets, threshold)
                total += start * weights.consistency * losses["consistency_loss"]
            if targets is not None and weights.feature_consistency:
                perturbed = _without_features(parts, batch["weak"], seed, step)
                loss = consistency_loss(perturbed, targets, threshold)
                losses["feature_consistency_loss"] = loss
                total += start * weights.feature_consistency * loss
            scaled = networks.generator_optimizer.scale_loss(total)
        _apply(networks.generator_optimizer, tape, scaled, generator)
        losses["total_loss"] = total
        if with_gan:
            losses |= discriminate(batch, tf.stop_gradient(maps[0]))
        networks.update_average(step)
        return losses

    def discriminate(batch: Batch, predicted: tf.Tensor) -> Losses:
        """Teaches the discriminator to tell label maps from predictions."""
        valid = batch["label"] != IGNORE_LABEL
        with tf.GradientTape() as tape:
            real = judge(label_maps(batch["label"]), batch["image"])
            # Where nothing is annotated a real map is empty: the predicted one must be as well.
            fake = judge(predicted * tf.cast(valid, tf.float32)[..., None], batch["image"])
            loss = discriminator_loss(real, valid, fake, valid)
            scaled = networks.discriminator_optimizer.scale_loss(loss)
        _apply(networks.discriminator_optimizer, tape, scaled, discriminator)
        return {
            "discriminator_loss": loss,
            "discriminator_accuracy_real": discriminator_accuracy(real, valid, real=True),
            "discriminator_accuracy_fake": discriminator_accuracy(fake, valid, real=False),
        }

    def on_every_replica(batch: Batch, step: tf.Tensor) -> Losses:
        shares = networks.strategy.run(train_step, args=(batch, step))
        return {k: networks.strategy.reduce("SUM", v, axis=None) for k, v in shares.items()}

    several = networks.strategy.num_replicas_in_sync > 1
    # Every `if` is about settings: converting them for the graph would only cost seconds.
    return tf.function(
        on_every_replica if several else train_step,
        jit_compile=settings.jit_compile,
        autograph=False,
    )


def _apply(
    optimizer: keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    loss: tf.Tensor,
    model: keras.Model,
) -> None:
    """Moves the model's weights. Keras clips before it sums over replicas: see `build_networks`."""
    variables = model.trainable_variables
    gradients = replicas.mean(tape.gradient(loss, variables))
    optimizer.apply_gradients(zip(gradients, variables, strict=True))


@statistics_kept_still()
def _without_features(
    parts: GeneratorParts, images: tf.Tensor, seed: int, step: tf.Tensor
) -> tf.Tensor:
    """Predicts with half of each feature's channels left out (UniMatch, section 3.2).

    The choice follows from the seed and the step, so that an interrupted fit makes it again.
    """
    dropped = []
    # Flattened, as Keras gives a list of one feature as that feature.
    features = tf.nest.flatten(parts.encoder(images, training=True))
    for level, feature in enumerate(features):
        shape = [replicas.count() * feature.shape[0], 1, 1, feature.shape[-1]]
        # Levels are below 8; beyond 32 bits the seed's own would overflow.
        of_level = tf.constant((8 * seed + level) % 2**31, tf.int32)
        kept = tf.nn.experimental.stateless_dropout(
            tf.ones(shape, feature.dtype), 0.5, seed=tf.stack([of_level, step])
        )
        dropped.append(feature * replicas.own_rows(kept))  # 0 or 2, for the whole image
    return parts.decoder(dropped, training=True)


def _cutmix(images: tf.Tensor, targets: Targets, boxes: tf.Tensor) -> tuple[tf.Tensor, Targets]:
    """Pastes boxes of the next image, and of its targets, over each image of the batch.

    CutMix for segmentation (French et al., 2020), section 3.3.

    Args:
      images: [U, H, W, 3].
      targets: of the same pixels, [U, H, W].
      boxes: bool [U, H, W].
    """

    def paste(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        return tf.where(mask, replicas.next_rows(values), values)

    mixed = Targets(paste(targets.pseudo_labels, boxes), paste(targets.confidence, boxes))
    return paste(images, boxes[..., None]), mixed

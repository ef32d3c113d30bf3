"""Take one training step of the U-Net GAN: first the generator, then the discriminator."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from components.contracts.recipe.train import TrainSettings
from components.train.networks import replicas
from components.train.networks.discriminator import label_maps, predicted_maps
from components.train.networks.networks import Networks
from components.train.objectives.losses import discriminator_accuracy, discriminator_loss
from components.train.objectives.terms import (
    adversarial,
    consistency,
    supervised,
    values,
    weighted_sum,
)
from components.train.objectives.views import (
    halves_of,
    make_targets,
    make_views,
    predict,
    predict_without_features,
)
from tfds_cityscapes.labels import IGNORE_LABEL

Batch = dict[str, tf.Tensor]
Metrics = dict[str, tf.Tensor]


def make_train_step(
    networks: Networks,
    settings: TrainSettings,
    class_weights: np.ndarray | None,
    seed: int = 0,
) -> Callable[[Batch, tf.Tensor], Metrics]:
    """Build the step for the objectives whose weight is not 0.

    Args:
      networks: what the step changes.
      settings: weights and thresholds.
      class_weights: float32 [19] for the cross-entropy, or None.
      seed: of the features that are left out.

    Returns:
      A compiled function from a batch (`stream.batches`, `devices.distribute`) and the step's number
      to its metrics: every term's value, unweighted; `total_loss`, their weighted sum;
      `gradient_norm`, the norm of the generator's whole gradient before it is clipped; and the
      discriminator's loss and accuracies.
    """
    weights = settings.objectives
    generator, discriminator = networks.generator, networks.discriminator
    frozen = not settings.network.encoder.trainable
    halves = halves_of(generator, networks.averaged, frozen)
    of_classes = None if class_weights is None else tf.constant(class_weights, tf.float32)

    def train_step(batch: Batch, step: tf.Tensor) -> Metrics:
        inputs = halves.encode(make_views(batch, weights))
        targets = make_targets(batch, inputs, halves.teacher, weights)
        judged = {k: v for k, v in inputs.items() if k != "weak" or weights.judges_unlabeled}
        with tf.GradientTape() as tape:
            logits = predict(halves.student, judged)
            if "features" in targets:
                logits["features"] = predict_without_features(halves, inputs["weak"], seed, step)
            terms = supervised(logits, batch["label"], of_classes, weights)
            if weights.uses_discriminator:
                started = has_started(weights.semi_supervised_start, step)
                terms |= adversarial(logits, batch, judge, weights, started)
            started = has_started(weights.consistency_start, step)
            terms |= consistency(logits, targets, weights, started)
            total = weighted_sum(terms)
            scaled = networks.generator_optimizer.scale_loss(total)
        norm = _apply(networks.generator_optimizer, tape, scaled, generator)
        metrics = values(terms) | {"total_loss": total, "gradient_norm": norm}
        if weights.uses_discriminator:
            metrics |= discriminate(batch, logits["labeled"])
        networks.update_average(step)
        return metrics

    def discriminate(batch: Batch, logits: tf.Tensor) -> Metrics:
        """Teach the discriminator to tell label maps from predictions."""
        valid = batch["label"] != IGNORE_LABEL
        with tf.GradientTape() as tape:
            real = judge(label_maps(batch["label"]), batch["image"])
            fake = judge(predicted_maps(logits, valid), batch["image"])
            loss = discriminator_loss(real, valid, fake, valid)
            scaled = networks.discriminator_optimizer.scale_loss(loss)
        _apply(networks.discriminator_optimizer, tape, scaled, discriminator)
        return {
            "discriminator_loss": loss,
            "discriminator_accuracy_real": discriminator_accuracy(real, valid, real=True),
            "discriminator_accuracy_fake": discriminator_accuracy(fake, valid, real=False),
        }

    def judge(maps: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        """Return the discriminator's logits [B, H, W, 1] for label maps [B, H, W, 19]."""
        return discriminator([maps, image] if settings.discriminator.sees_image else maps)

    def has_started(start: float, step: tf.Tensor) -> tf.Tensor:
        """Return 1.0 from this share of the steps on, 0.0 before."""
        return tf.cast(step >= round(start * settings.steps), tf.float32)

    def on_every_replica(batch: Batch, step: tf.Tensor) -> Metrics:
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
) -> tf.Tensor:
    """Move the model's weights; return this replica's share of the norm of the unclipped gradient.

    Keras clips before it sums over replicas: see `optimizers.generator_optimizer`.
    """
    variables = model.trainable_variables
    gradients = replicas.mean(tape.gradient(loss, variables))
    loss_scale = optimizer.scale_loss(tf.constant(1.0))  # applying gradients may change it
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return tf.linalg.global_norm(gradients) / loss_scale

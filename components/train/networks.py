"""The networks of a fit and their optimizers, and what of them a checkpoint holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from components.contracts.errors import StreetloopError
from components.train.batch_norm import with_fused_batch_norm, with_plain_batch_norm
from components.train.discriminator import build_discriminator
from components.train.fit_settings import TrainSettings
from components.train.generator import build_generator


@dataclass
class Networks:
    """Everything that a training step changes.

    Attributes:
      generator: the student, with fused batch normalisation.
      averaged: the exponential moving average of its weights: the teacher, and what is saved.
      candidate: a copy of `averaged` whose batch-norm statistics are settled, to be scored.
    """

    generator: keras.Model
    averaged: keras.Model
    candidate: keras.Model
    discriminator: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    discriminator_optimizer: keras.optimizers.Optimizer
    ema_decay: float

    def state(self) -> dict[str, Sequence[Any]]:
        """All variables by group, dropout's random state and the optimizers' moments included."""
        return {
            "generator": self.generator.variables,
            "averaged": self.averaged.variables,
            "discriminator": self.discriminator.variables,
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
        }

    def set_learning_rates(self, factor: float, settings: TrainSettings) -> None:
        """Scales both learning rates."""
        self.generator_optimizer.learning_rate = settings.optimizer.learning_rate * factor
        self.discriminator_optimizer.learning_rate = settings.discriminator_learning_rate * factor

    def update_average(self, step: tf.Tensor) -> None:
        """Moves the average; the decay grows from 0, so that early weights are soon forgotten.

        min(1 - 1 / (step + 1), decay), as in UniMatch V2 (Yang et al., 2025).
        """
        early = 1.0 - 1.0 / (tf.cast(step, tf.float32) + 1.0)
        decay = tf.minimum(early, self.ema_decay)
        for mean, weight in zip(self.averaged.weights, self.generator.weights, strict=True):
            mean.assign(decay * mean + (1.0 - decay) * weight)

    def average_into_candidate(self) -> None:
        """Copies the averaged weights into the candidate."""
        for to, weight in zip(self.candidate.weights, self.averaged.weights, strict=True):
            to.assign(weight)


def build_networks(settings: TrainSettings, start: keras.Model | None = None) -> Networks:
    """Builds the networks of a fit.

    Args:
      settings: of the fit.
      start: a generator whose weights to begin with.

    Raises:
      StreetloopError: `start` has another architecture.
    """
    plain = build_generator(settings.network)
    if start is not None:
        wanted = [tuple(w.shape) for w in plain.weights]
        got = [tuple(w.shape) for w in start.weights]
        if wanted != got:
            raise StreetloopError(
                "Expected the champion to have this recipe's network (train.warm_start is on); its "
                "weights have other shapes. Set train.warm_start=false, or put train.network back."
            )
        plain.set_weights(start.get_weights())
    generator = with_fused_batch_norm(plain)
    discriminator = build_discriminator(settings.discriminator)
    generator_optimizer = _optimizer(settings)
    generator_optimizer.build(generator.trainable_variables)
    # Betas of AdvSemiSeg (Hung et al., 2018), section 4.
    discriminator_optimizer = keras.optimizers.Adam(
        settings.discriminator_learning_rate, beta_1=0.9, beta_2=0.99
    )
    discriminator_optimizer.build(discriminator.trainable_variables)
    return Networks(
        generator,
        with_plain_batch_norm(generator),
        with_plain_batch_norm(generator),
        discriminator,
        generator_optimizer,
        discriminator_optimizer,
        settings.ema_decay,
    )


def _optimizer(settings: TrainSettings) -> keras.optimizers.Optimizer:
    wanted = settings.optimizer
    if wanted.name == "sgd":
        return keras.optimizers.SGD(
            wanted.learning_rate,
            momentum=0.9,
            weight_decay=wanted.weight_decay,
            global_clipnorm=wanted.clip_norm,
        )
    return keras.optimizers.AdamW(
        wanted.learning_rate,
        weight_decay=wanted.weight_decay,
        global_clipnorm=wanted.clip_norm,
    )

"""Build the networks of a fit and their optimizers, and name the state that a checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.train import TrainSettings
from components.train.networks.batch_norm import (
    for_saving,
    in_float32,
    with_fused_batch_norm,
    with_plain_batch_norm,
)
from components.train.networks.discriminator import build_discriminator
from components.train.networks.generator import build_generator
from components.train.networks.optimizers import discriminator_optimizer, generator_optimizer


@dataclass
class Networks:
    """Everything that a training step changes, on every replica, and the candidate, on one device.

    Attributes:
      generator: the student, with fused batch normalisation.
      averaged: the exponential moving average of its weights, which is the teacher.
      candidate: a float32 copy of `averaged` with settled batch-norm statistics, to be scored; at the
        end of a fit the best one. Its batch normalisation is fused: `to_save` replaces it.
      strategy: how a step is spread over devices; TensorFlow's default strategy for one device.
    """

    generator: keras.Model
    averaged: keras.Model
    candidate: keras.Model
    discriminator: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    discriminator_optimizer: keras.optimizers.Optimizer
    ema_decay: float
    strategy: tf.distribute.Strategy

    def state(self) -> dict[str, Sequence[Any]]:
        """Return all variables by group, dropout's random state and the optimizers' moments included."""
        return {
            "generator": self.generator.variables,
            "averaged": self.averaged.variables,
            "discriminator": self.discriminator.variables,
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
        }

    def set_learning_rates(self, factor: float, settings: TrainSettings) -> None:
        """Scale both learning rates."""
        self.generator_optimizer.learning_rate = settings.optimizer.learning_rate * factor
        self.discriminator_optimizer.learning_rate = settings.discriminator_learning_rate * factor

    def update_average(self, step: tf.Tensor) -> None:
        """Move the average with a decay that grows from 0, so that early weights are soon forgotten.

        A frozen encoder is left out: rounding would change its average, however equal the two are.
        The decay is min(1 - 1 / (step + 1), ema_decay), as in UniMatch V2 (Yang et al., 2025).
        """
        early = 1.0 - 1.0 / (tf.cast(step, tf.float32) + 1.0)
        decay = tf.minimum(early, self.ema_decay)
        for mean, weight in zip(_moving(self.averaged), _moving(self.generator), strict=True):
            mean.assign(decay * mean + (1.0 - decay) * weight)

    def average_into_candidate(self) -> None:
        """Copy the averaged weights, and the state of dropout, into the candidate."""
        for to, variable in zip(self.candidate.variables, self.averaged.variables, strict=True):
            to.assign(variable)

    def to_save(self) -> tuple[keras.Model, keras.Model]:
        """Return copies of the candidate and the discriminator of built-in layers, in float32."""
        return for_saving(self.candidate), for_saving(self.discriminator)

    def loss_scale(self) -> float | None:
        """Return the factor of the generator's loss against underflow in float16; else None."""
        scale = getattr(self.generator_optimizer, "dynamic_scale", None)
        return None if scale is None else float(np.asarray(scale))


def _moving(model: keras.Model) -> list[Any]:
    """Return the weights that a step may change, batch-norm statistics included."""
    return [weight for layer in model.layers if layer.trainable for weight in layer.weights]


def build_networks(
    settings: TrainSettings,
    start: keras.Model | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> Networks:
    """Build the networks of a fit.

    Args:
      settings: of the fit.
      start: a generator with whose weights to begin.
      strategy: of `devices.strategy_for`; None for one device.

    Raises:
      StreetloopError: `start` has another architecture.
    """
    strategy = strategy or tf.distribute.get_strategy()
    with _dtype_policy(settings.precision):
        plain = _begin(settings, start)
        with strategy.scope():
            generator = with_fused_batch_norm(plain)
            discriminator = build_discriminator(settings.discriminator)
            optimizers = (
                generator_optimizer(
                    settings, generator.trainable_variables, strategy.num_replicas_in_sync
                ),
                discriminator_optimizer(settings, discriminator.trainable_variables),
            )
            averaged = with_plain_batch_norm(generator)
        candidate = in_float32(generator)
    return Networks(
        generator, averaged, candidate, discriminator, *optimizers, settings.ema_decay, strategy
    )


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _begin(settings: TrainSettings, start: keras.Model | None) -> keras.Model:
    """Build the generator with which the fit begins."""
    plain = build_generator(settings.network)
    if start is not None:
        if [tuple(w.shape) for w in plain.weights] != [tuple(w.shape) for w in start.weights]:
            raise StreetloopError(
                "The champion's weights do not fit this recipe's network, and train.warm_start is "
                "on. Set train.warm_start=false, or restore the champion's train.network."
            )
        plain.set_weights(start.get_weights())
    return plain

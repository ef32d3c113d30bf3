"""Build the optimizers of both networks, with Adam as one operation per variable.

A generator has hundreds of small variables. Keras composes Adam of two dozen operations for each:
a third of the graph of a training step, half of the time that its tracing takes, and up to a fifth
of the step on a CPU. TensorFlow has a kernel of the same formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from components.contracts.recipe.train import TrainSettings
from components.train.networks.generator import DECODER_PREFIXES


class _Paced:
    """Moves some variables more slowly: `paces` are factors of the learning rate by index.

    They are also factors of the decay, as in the parameter groups of PyTorch.
    """

    paces: tuple[float, ...] = ()

    def _apply_weight_decay(self: Any, variables: Any) -> None:
        # Keras knows one learning rate for all variables.
        if not self.paces:
            super()._apply_weight_decay(variables)  # type: ignore[misc]

    def update_step(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one variable; `variable` is TensorFlow's own, of one device."""
        if self.paces:
            learning_rate = learning_rate * self.paces[self._get_variable_index(variable)]
            if self._use_weight_decay(variable):
                rate = tf.cast(learning_rate * self.weight_decay, variable.dtype)
                variable.assign_sub(variable * rate)
        super().update_step(gradient, variable, learning_rate)  # type: ignore[misc]


class _Fused:
    def update_step(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one variable and its moments; `variable` is TensorFlow's own, of one device."""
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


class PacedSGD(_Paced, keras.optimizers.SGD):
    """keras.optimizers.SGD with a pace for each variable."""


class FusedAdam(_Fused, keras.optimizers.Adam):
    """keras.optimizers.Adam: the same settings, state and result. `amsgrad` is not supported."""


class FusedAdamW(_Paced, _Fused, keras.optimizers.AdamW):
    """keras.optimizers.AdamW: the same settings, state and result, with a pace for each variable.

    `amsgrad` is not supported.
    """


def generator_optimizer(
    settings: TrainSettings, variables: Sequence[Any], replicas: int = 1
) -> keras.optimizers.Optimizer:
    """Build the optimizer of the generator's variables.

    Weight decay is decoupled from the gradient for AdamW and SGD alike (Loshchilov & Hutter, 2019),
    and spares scales and offsets: biases, and gamma and beta of norm layers.

    Args:
      settings: of the fit.
      variables: what the optimizer moves.
      replicas: that run the step. Each hands in its part of the summed gradient, which Keras clips on
        its own.
    """
    chosen = settings.optimizer
    common: dict[str, Any] = {
        "weight_decay": chosen.weight_decay,
        "global_clipnorm": chosen.clip_norm / replicas,
    }
    optimizer = (
        PacedSGD(chosen.learning_rate, momentum=0.9, **common)
        if chosen.name == "sgd"
        else FusedAdamW(chosen.learning_rate, **common)
    )
    if chosen.encoder_lr_mult != 1.0:
        optimizer.paces = tuple(_pace(variable, chosen.encoder_lr_mult) for variable in variables)
    optimizer.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) <= 1])
    return _built(optimizer, settings, variables)


def _pace(variable: Any, of_encoder: float) -> float:
    """Tell the decoder's variables from the encoder's by the name of their layer."""
    layers = variable.path.split("/")
    return 1.0 if any(name.startswith(DECODER_PREFIXES) for name in layers) else of_encoder


def discriminator_optimizer(
    settings: TrainSettings, variables: Sequence[Any]
) -> keras.optimizers.Optimizer:
    """Build Adam with the betas of AdvSemiSeg (Hung et al., 2018), section 4."""
    adam = FusedAdam(settings.discriminator_learning_rate, beta_1=0.9, beta_2=0.99)
    return _built(adam, settings, variables)


def _built(
    optimizer: keras.optimizers.Optimizer, settings: TrainSettings, variables: Sequence[Any]
) -> keras.optimizers.Optimizer:
    """Create the optimizer's state, with loss scaling for float16; bfloat16 needs none.

    Small gradients become 0 in float16. The scale is dynamic, and a step whose gradients are not
    finite is skipped (Micikevicius et al., 2018).
    """
    if settings.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(variables)
    return optimizer

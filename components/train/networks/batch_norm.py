"""Train batch normalisation with TensorFlow's fused kernel, and choose when its averages move.

Keras composes its own layer from a dozen operations, which on a CPU cost about a quarter of a
training step. TensorFlow has one kernel for the forward and one for the backward pass. A model is
converted for training and converted back to be saved, so that a saved model has built-in layers
only and computes in float32.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from components.train.networks import replicas


class _Mode(threading.local):
    """How this thread calls the layers. Each replica is traced in a thread of its own."""

    frozen = False  # leave the moving averages alone
    momentum: float | None = None  # in place of the layer's; a number forces training mode


_mode = _Mode()


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """keras.layers.BatchNormalization with TensorFlow's fused kernel in training.

    For inputs [B, H, W, C], normalised over all but the last axis, with the same weights and result.
    With several replicas the statistics are those of the whole batch, which the kernel cannot compute.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        settling = _mode.momentum is not None
        if not (training or settling) or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        gamma = self.gamma if self.scale else tf.ones([inputs.shape[-1]])
        beta = self.beta if self.center else tf.zeros([inputs.shape[-1]])
        normalise = _fused if replicas.count() == 1 else _over_replicas
        outputs, mean, variance = normalise(
            inputs, tf.cast(gamma, tf.float32), tf.cast(beta, tf.float32), self.epsilon
        )
        if _mode.frozen:
            return outputs
        momentum = self.momentum if _mode.momentum is None else _mode.momentum
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            batch = tf.stop_gradient(tf.cast(batch, moving.dtype))
            moving.assign(momentum * moving + (1.0 - momentum) * batch)
        return outputs


Normalised = tuple[tf.Tensor, tf.Tensor, tf.Tensor]  # outputs, mean [C], biased variance [C]


def _fused(inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> Normalised:
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        inputs, gamma, beta, epsilon=epsilon, is_training=True
    )
    # The kernel reports the unbiased variance; Keras averages the biased one.
    count = inputs.shape[:3].num_elements() or tf.cast(tf.size(inputs[..., 0]), tf.float32)
    return outputs, mean, variance * ((count - 1.0) / count)


def _over_replicas(
    inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> Normalised:
    """Normalise in two passes: a single pass over sums of squares cancels where the mean is large."""
    values = tf.cast(inputs, tf.float32)
    places = replicas.count() * tf.cast(tf.size(values[..., 0]), tf.float32)
    mean = replicas.total(tf.reduce_sum(values, (0, 1, 2))) / places
    variance = replicas.total(tf.reduce_sum(tf.square(values - mean), (0, 1, 2))) / places
    outputs = tf.nn.batch_normalization(values, mean, variance, beta, gamma, epsilon)
    return tf.cast(outputs, inputs.dtype), mean, variance


@contextmanager
def statistics_frozen() -> Iterator[None]:
    """Keep calls in training mode from moving the averages, while a step is traced.

    This is for predictions from features that are perturbed on purpose: the teacher, which uses the
    averages, never sees such features.
    """
    _mode.frozen = True
    try:
        yield
    finally:
        _mode.frozen = False


@contextmanager
def statistics_only(momentum: float) -> Iterator[None]:
    """Run fused batch norm, and no other layer, in training mode, and move its averages.

    Call the model with training=False inside: dropout and drop-connect stay off, and the statistics
    are those of the network that predicts.

    Args:
      momentum: the averages' share of their new value, in place of each layer's; the rest is the
        batch's.
    """
    _mode.momentum = momentum
    try:
        yield
    finally:
        _mode.momentum = None


def with_fused_batch_norm(model: keras.Model) -> keras.Model:
    """Copy a functional model with fused batch normalisation for training."""
    return _copy(model, {keras.layers.BatchNormalization: FusedBatchNormalization})


def with_plain_batch_norm(model: keras.Model) -> keras.Model:
    """Copy a functional model, precision included, with built-in layers only."""
    return _copy(model, {FusedBatchNormalization: keras.layers.BatchNormalization})


def in_float32(model: keras.Model) -> keras.Model:
    """Copy a functional model, fused batch normalisation included, in float32."""
    return _copy(model, {}, "float32")


def for_saving(model: keras.Model) -> keras.Model:
    """Copy a functional model with built-in layers only, in float32."""
    return _copy(model, {FusedBatchNormalization: keras.layers.BatchNormalization}, "float32")


def _copy(model: keras.Model, classes: dict[Any, Any], dtype: str | None = None) -> keras.Model:
    """Copy all variables, the state of dropout included, with other classes of some layers."""

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if dtype and isinstance(layer, keras.layers.Layer):  # not an operation, such as a flip
            config |= {"dtype": dtype}
        return classes.get(type(layer), type(layer)).from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    for variable, value in zip(copy.variables, model.variables, strict=True):
        variable.assign(value)
    return copy

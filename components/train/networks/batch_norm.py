"""Batch normalisation that trains fast. Keras composes its own layer from a dozen operations.

On a CPU those cost about a quarter of a training step. TensorFlow has one fused kernel for the
forward and one for the backward pass. A model is converted for training and converted back to be
saved, so that a saved model has built-in layers only, and computes in float32.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from components.train.networks import replicas

# Of a thread: several replicas are traced in one each, and take turns within a layer.
_still = threading.local()


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """keras.layers.BatchNormalization with TensorFlow's fused kernel in training.

    For inputs [B, H, W, C], normalised over all but the last axis. Same weights, same result. With
    several replicas the statistics are those of the whole batch, which the kernel cannot take.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        gamma = self.gamma if self.scale else tf.ones([inputs.shape[-1]])
        beta = self.beta if self.center else tf.zeros([inputs.shape[-1]])
        normalise = _fused if replicas.count() == 1 else _over_replicas
        outputs, mean, variance = normalise(
            inputs, tf.cast(gamma, tf.float32), tf.cast(beta, tf.float32), self.epsilon
        )
        if getattr(_still, "now", False):
            return outputs
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            batch = tf.stop_gradient(tf.cast(batch, moving.dtype))
            moving.assign(moving + (batch - moving) * (1.0 - self.momentum))
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
    """In two passes, as a sum of squares alone cancels where the mean is large."""
    values = tf.cast(inputs, tf.float32)
    places = replicas.count() * tf.cast(tf.size(values[..., 0]), tf.float32)
    mean = replicas.total(tf.reduce_sum(values, (0, 1, 2))) / places
    variance = replicas.total(tf.reduce_sum(tf.square(values - mean), (0, 1, 2))) / places
    outputs = tf.nn.batch_normalization(values, mean, variance, beta, gamma, epsilon)
    return tf.cast(outputs, inputs.dtype), mean, variance


@contextmanager
def statistics_kept_still() -> Iterator[None]:
    """While a step is traced: calls in training leave the moving averages alone.

    For predictions from features that are disturbed on purpose: the teacher, which uses the
    averages, never sees such features.
    """
    _still.now = True
    try:
        yield
    finally:
        _still.now = False


def with_fused_batch_norm(model: keras.Model) -> keras.Model:
    """Copies a functional model, weights included, with fused batch normalisation for training."""
    return _swap(model, keras.layers.BatchNormalization, FusedBatchNormalization)


def with_plain_batch_norm(model: keras.Model) -> keras.Model:
    """Copies a functional model, weights and precision included, with built-in layers only."""
    return _swap(model, FusedBatchNormalization, keras.layers.BatchNormalization)


def to_be_saved(model: keras.Model) -> keras.Model:
    """Copies a functional model, weights included, with built-in layers only, in float32."""
    return _swap(model, FusedBatchNormalization, keras.layers.BatchNormalization, "float32")


def _swap(model: keras.Model, old: Any, new: Any, dtype: str | None = None) -> keras.Model:
    def clone(layer: Any) -> Any:
        cls = new if type(layer) is old else type(layer)
        config = layer.get_config()
        if dtype and isinstance(layer, keras.layers.Layer):  # not an operation, such as a flip
            config |= {"dtype": dtype}
        return cls.from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy

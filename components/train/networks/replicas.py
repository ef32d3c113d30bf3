"""Exchange values between the replicas of a training step, so that several devices do the step of one.

Inside `strategy.run`, every replica holds an equal part of each batch. A loss there is the replica's
share of the loss: its sum over the replicas is the loss of the whole batch. Outside, and on one
device, there is one replica, and every function here returns what plain TensorFlow would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def count() -> int:
    """Return how many replicas run the step that is being traced."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def total(value: tf.Tensor) -> tf.Tensor:
    """Return the sum of every replica's value, on each of them; gradients pass."""
    return value if count() == 1 else _all_reduce(tf.distribute.ReduceOp.SUM, value)


def mean(values: Sequence[tf.Tensor]) -> Sequence[tf.Tensor]:
    """Return the means of every replica's values, on each of them."""
    return values if count() == 1 else _all_reduce(tf.distribute.ReduceOp.MEAN, list(values))


def next_rows(values: tf.Tensor) -> tf.Tensor:
    """Replace each row [B, ...] by the next one in the whole batch, and the last by the first.

    On one device: tf.roll(values, -1, 0).
    """
    if count() == 1:
        return tf.roll(values, -1, 0)
    context = tf.distribute.get_replica_context()
    firsts = context.all_gather(values[:1], axis=0)  # [replicas, ...]
    after = (context.replica_id_in_sync_group + 1) % count()
    return tf.concat([values[1:], firsts[after][tf.newaxis]], 0)


def own_rows(values: tf.Tensor) -> tf.Tensor:
    """Return this replica's part of rows [replicas * B, ...] that every replica holds: [B, ...]."""
    if count() == 1:
        return values
    place = tf.distribute.get_replica_context().replica_id_in_sync_group
    return tf.reshape(values, [count(), -1, *values.shape[1:]])[place]


def _all_reduce(how: tf.distribute.ReduceOp, value: Any) -> Any:
    return tf.distribute.get_replica_context().all_reduce(how, value)

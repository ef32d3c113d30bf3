"""Choose the devices of a fit, and share batches out between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.contracts.process.errors import StreetloopError

if TYPE_CHECKING:
    import tensorflow as tf


def strategy_for(gpus: int) -> tf.distribute.Strategy:
    """Use as many GPUs as the recipe asks for, and no others.

    Call this before TensorFlow touches a device.

    Returns:
      TensorFlow's default strategy for one device; a mirrored one for several GPUs.

    Raises:
      StreetloopError: fewer GPUs are visible.
    """
    import tensorflow as tf

    visible = tf.config.list_physical_devices("GPU")
    if len(visible) < gpus:
        raise StreetloopError(
            f"TensorFlow sees {len(visible)} GPUs, fewer than train.gpus={gpus}. Check the driver, the "
            "image (`make image-gpu`) and the pod's GPU request, or set train.gpus=0 to "
            "train on the CPU."
        )
    if visible:
        tf.config.set_visible_devices(visible[:gpus], "GPU")
    return tf.distribute.MirroredStrategy() if gpus > 1 else tf.distribute.get_strategy()


def distribute(batches: tf.data.Dataset, strategy: tf.distribute.Strategy) -> tf.data.Dataset:
    """Give each replica an equal part of every batch: its rows, in order.

    Args:
      batches: of `stream.batches`; its number of rows is divisible by the number of replicas.
      strategy: of the fit; with one replica, the batches stay as they are.
    """
    import tensorflow as tf

    count = strategy.num_replicas_in_sync
    if count == 1:
        return batches

    @tf.autograph.experimental.do_not_convert
    def parts(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {
            name: tf.reshape(rows, [count, rows.shape[0] // count, *rows.shape[1:]])
            for name, rows in batch.items()
        }

    return strategy.distribute_datasets_from_function(lambda _: batches.map(parts).unbatch())

"""The devices that a fit runs on."""

from __future__ import annotations

from components.contracts.errors import StreetloopError


def require_gpus(wanted: int) -> None:
    """Makes sure that as many GPUs are visible as the recipe asks for.

    Raises:
      StreetloopError: fewer are.
    """
    import tensorflow as tf

    visible = len(tf.config.list_physical_devices("GPU"))
    if visible < wanted:
        raise StreetloopError(
            f"Expected {wanted} GPUs (train.gpus); TensorFlow sees {visible}. Check the driver, the "
            "image (containers/trainer.Dockerfile) and the pod's GPU request, or set train.gpus=0 to "
            "train on the CPU."
        )

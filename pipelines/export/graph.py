"""A generator with its preprocessing inside, as TensorFlow graphs that need no code of this project."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from components.contracts.model.bands import STRIDE
from pipelines.predict.view import SAME_SHAPE, Size
from tfds_cityscapes.labels import NUM_CLASSES, to_label_ids

LABEL_IDS = "label_ids"
PROBABILITIES = "probabilities"


class Answer(NamedTuple):
    """What an exported model says of one image.

    Attributes:
      label_ids: Cityscapes label ids, uint8 [H, W].
      probabilities: float32 [H, W, 19], in the order of the train ids.
    """

    label_ids: np.ndarray
    probabilities: np.ndarray


def photo_module(generator: Any, trained: Size | None) -> Any:
    """Return a module that labels photos of any size, each as `PhotoPredictor` would see it.

    Args:
      generator: the network.
      trained: height and width of the images that it was trained on; None sees each at its own size.

    Returns:
      A tf.Module whose `serve` takes uint8 [B, H, W, 3] and returns label ids uint8 [B, H, W] and
      probabilities float32 [B, H, W, 19].
    """
    import tensorflow as tf

    network = _of_any_size(generator)

    class Photos(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weights = _weights(network)

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, "image")]
        )
        def serve(self, image: Any) -> dict[str, Any]:
            size = tf.shape(image)[1:3]
            seen = size if trained is None else _seen_size(size, trained)
            view = _resized(image, seen)
            probabilities = tf.nn.softmax(network(_padded(view, seen), training=False))
            probabilities = probabilities[:, : seen[0], : seen[1]]
            probabilities = tf.image.resize(probabilities, size)
            probabilities /= tf.reduce_sum(probabilities, -1, keepdims=True)
            return _answers(probabilities, probabilities)

    return Photos()


def fixed_module(generator: Any, size: Size) -> Any:
    """Return a module that labels one image of a fixed size.

    Args:
      generator: the network.
      size: height and width.

    Returns:
      A tf.Module whose `serve` takes uint8 [1, H, W, 3] and returns label ids uint8 [1, H, W] and
      probabilities float32 [1, H, W, 19].
    """
    import tensorflow as tf

    height, width = size

    class Fixed(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weights = _weights(generator)

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec([1, height, width, 3], tf.uint8, "image")]
        )
        def serve(self, image: Any) -> dict[str, Any]:
            view = tf.cast(image, tf.float32)
            if height % STRIDE or width % STRIDE:
                view = _padded(view, size)
            logits = generator(view, training=False)[:, :height, :width]
            # The logits decide: after the softmax, int8 can no longer tell the best two apart.
            return _answers(logits, tf.nn.softmax(logits))

    return Fixed()


def _weights(network: Any) -> list[Any]:
    """Return what a module has to keep of a network: Keras' own tracing would fail without sizes."""
    return [variable.value for variable in network.variables]


def _of_any_size(generator: Any) -> Any:
    """Copy a generator so that it can be traced for images of any size.

    Keras' up-sampling compares the size in Python, which a graph cannot.
    """
    import keras
    import tensorflow as tf

    class Enlarge(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, factors: tuple[int, int], method: str, name: str) -> None:
            super().__init__(name=name)
            self.factors, self.method = factors, method

        def call(self, image: Any) -> Any:
            return tf.image.resize(image, tf.shape(image)[1:3] * self.factors, self.method)

    def copied(layer: Any) -> Any:
        if isinstance(layer, keras.layers.UpSampling2D) and layer.interpolation != "nearest":
            return Enlarge(layer.size, layer.interpolation, layer.name)
        return layer.__class__.from_config(layer.get_config())

    copy = keras.models.clone_model(generator, clone_function=copied)
    copy.set_weights(generator.get_weights())
    return copy


def _answers(deciding: Any, probabilities: Any) -> dict[str, Any]:
    import tensorflow as tf

    table = tf.constant(to_label_ids(np.arange(NUM_CLASSES, dtype=np.uint8)))
    train_ids = tf.argmax(deciding, -1, output_type=tf.int32)
    return {LABEL_IDS: tf.gather(table, train_ids), PROBABILITIES: probabilities}


def _seen_size(size: Any, trained: Size) -> Any:
    """Compute `seen_size` in the graph: int32 [2] to int32 [2]."""
    import tensorflow as tf

    own, target = tf.cast(size, tf.float64), tf.constant(trained, tf.float64)
    ratio = own[1] * target[0] / (own[0] * target[1])
    factor = tf.sqrt(tf.reduce_prod(target) / tf.reduce_prod(own))
    at_area = tf.maximum(1, tf.cast(tf.round(own * factor), tf.int32))
    same = tf.maximum(ratio, 1 / ratio) <= SAME_SHAPE
    return tf.where(same, tf.constant(trained, tf.int32), at_area)


def _resized(image: Any, size: Any) -> Any:
    """Resize uint8 [B, H, W, 3] as photos are for the network: float32 of whole numbers."""
    import tensorflow as tf

    now = tf.shape(image)[1:3]

    def shrink() -> Any:
        return tf.image.resize(image, size, "area")

    def enlarge() -> Any:
        return tf.image.resize(image, size, "bilinear")

    def change() -> Any:
        # As OpenCV rounds: a half goes up.
        return tf.floor(tf.cond(size[0] < now[0], shrink, enlarge) + 0.5)

    return tf.cond(tf.reduce_all(size == now), lambda: tf.cast(image, tf.float32), change)


def _padded(view: Any, size: Any) -> Any:
    """Repeat the border below and on the right, up to multiples of the network's stride."""
    import tensorflow as tf

    for axis in (0, 1):
        places = tf.range(-(-size[axis] // STRIDE) * STRIDE)
        view = tf.gather(view, tf.minimum(places, size[axis] - 1), axis=axis + 1)
    return view

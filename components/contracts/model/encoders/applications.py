"""Encoders of keras.applications, each with the input scaling that its ImageNet weights expect."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras

from components.contracts.model.encoders.feature import Feature
from components.contracts.model.untrusted import check_hdf5_file
from components.contracts.process.errors import StreetloopError


class Application(NamedTuple):
    """A network of keras.applications: how to call its constructor, and where its strides end."""

    constructor: str  # in keras.applications
    scale: Callable[[Any], Any]  # [0, 255] RGB -> what the constructor's network expects
    arguments: dict[str, Any]
    taps: dict[int, str]  # stride -> name of the last layer at that stride


def _keep(image: Any) -> Any:
    return image


def _to_plus_minus_one(image: Any) -> Any:
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_plus_minus_one")(image)


def _caffe(image: Any) -> Any:
    """Turn RGB into BGR minus the ImageNet mean, as in the training of the first ResNet."""
    bgr = keras.ops.flip(image, axis=-1)
    mean = [-103.939, -116.779, -123.68]
    return keras.layers.Rescaling(1.0, offset=mean, name="minus_mean_bgr")(bgr)


APPLICATIONS = {
    "mobilenet_v2": Application(
        "MobileNetV2",
        _to_plus_minus_one,
        {},
        {
            2: "block_1_expand_relu",
            4: "block_3_expand_relu",
            8: "block_6_expand_relu",
            16: "block_13_expand_relu",
            32: "block_16_project_BN",
        },
    ),
    "resnet50": Application(
        "ResNet50",
        _caffe,
        {},
        {
            2: "conv1_relu",
            4: "conv2_block3_out",
            8: "conv3_block4_out",
            16: "conv4_block6_out",
            32: "conv5_block3_out",
        },
    ),
    "efficientnet_v2_b0": Application(
        "EfficientNetV2B0",
        _keep,
        {"include_preprocessing": True},
        {
            2: "block1a_project_activation",
            4: "block2b_add",
            8: "block3b_add",
            16: "block5e_add",
            32: "block6h_add",
        },
    ),
    "efficientnet_v2_s": Application(
        "EfficientNetV2S",
        _keep,
        {"include_preprocessing": True},
        {
            2: "block1b_add",
            4: "block2d_add",
            8: "block3d_add",
            16: "block5i_add",
            32: "block6o_add",
        },
    ),
    "efficientnet_v2_m": Application(
        "EfficientNetV2M",
        _keep,
        {"include_preprocessing": True},
        {
            2: "block1c_add",
            4: "block2e_add",
            8: "block3e_add",
            16: "block5n_add",
            32: "block7e_add",
        },
    ),
    "convnext_tiny": Application(  # its stem has stride 4
        "ConvNeXtTiny",
        _keep,
        {"include_preprocessing": True},
        {
            4: "convnext_tiny_stage_0_block_2_identity",
            8: "convnext_tiny_stage_1_block_2_identity",
            16: "convnext_tiny_stage_2_block_8_identity",
            32: "convnext_tiny_stage_3_block_2_identity",
        },
    ),
}


def build(name: str, image: Any, weights: str, bn_momentum: float) -> list[Feature]:
    """Build an encoder of keras.applications on an image tensor.

    Args:
      name: a key of APPLICATIONS.
      image: KerasTensor [B, H, W, 3] in [0, 255], RGB.
      weights: "imagenet" (downloaded by Keras into its cache), "none", or the path of a weights
        file of the same encoder without its top.
      bn_momentum: of every batch normalisation.

    Returns:
      Features at strides 2 (not ConvNeXt), 4, 8, 16 and 32.

    Raises:
      StreetloopError: the weights cannot be found, read or downloaded.
    """
    application = APPLICATIONS[name]
    constructor = getattr(keras.applications, application.constructor)
    if weights not in ("imagenet", "none") and not Path(weights).is_file():
        raise StreetloopError(
            f"Weights file not found: {weights}. Set encoder.weights to imagenet, none or a file."
        )
    try:
        if weights not in ("imagenet", "none"):
            check_hdf5_file(Path(weights))
        with warnings.catch_warnings():
            # MobileNetV2 warns that its weights were trained at 224x224; ours are any size.
            warnings.filterwarnings("ignore", message="`input_shape` is undefined")
            backbone = constructor(
                include_top=False,
                weights=None if weights == "none" else weights,
                input_tensor=application.scale(image),
                **application.arguments,
            )
    except Exception as error:  # Keras raises a bare Exception when a download fails
        if weights == "none":
            raise
        raise StreetloopError(_advice(name, weights, error)) from error
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = bn_momentum
    return [
        Feature(stride, backbone.get_layer(tap).output) for stride, tap in application.taps.items()
    ]


def _advice(name: str, weights: str, error: Exception) -> str:
    if weights != "imagenet":
        return f"Cannot read {weights} as weights of {name} without its top: {error}."
    return (
        f"Cannot download the ImageNet weights of {name}: {error}. On a machine without network "
        "access, copy the file that Keras names there and set encoder.weights to its path, or use "
        "encoder.name efficientnet_lite0 (its weights are installed), or encoder.weights none."
    )

"""How far a generator looks: which part of an image decides about one pixel."""

from __future__ import annotations

import math
from typing import Any

_POINTWISE = frozenset(
    {
        "Activation",
        "Add",
        "BatchNormalization",
        "Concatenate",
        "Dropout",
        "Flip",
        "Identity",
        "LeakyReLU",
        "Normalization",
        "ReLU",
        "Rescaling",
        "SpatialDropout2D",
    }
)
_CONVOLUTIONS = frozenset({"Conv2D", "DepthwiseConv2D", "SeparableConv2D"})
_POOLS = frozenset({"AveragePooling2D", "MaxPooling2D"})


def reach_of(generator: Any) -> int | None:
    """Return how many pixels around a pixel can change its logits, at most.

    None if that is unbounded or unknown: the network pools over the whole image, or has a kind of layer
    that is not known here.
    """
    # Of each tensor: the pixels of the image per pixel of it, and the reach so far.
    known: dict[int, tuple[float, float]] = {}
    for operation in generator.operations:
        inputs, output = operation.input, operation.output
        tensors = inputs if isinstance(inputs, list | tuple) else [inputs]
        if type(operation).__name__ == "InputLayer":
            known[id(output)] = (1.0, 0.0)
            continue
        before = [known.get(id(tensor)) for tensor in tensors]
        if not before or None in before:
            return None
        stride = max(state[0] for state in before if state)
        reach = max(state[1] for state in before if state)
        after = _through(operation, stride, reach)
        if after is None:
            return None
        known[id(output)] = after
    return math.ceil(known[id(generator.output)][1])


def _through(operation: Any, stride: float, reach: float) -> tuple[float, float] | None:
    kind = type(operation).__name__
    if kind in _POINTWISE:
        return stride, reach
    if kind in _CONVOLUTIONS:
        step = max(operation.strides)
        dilated = [
            (k - 1) * d for k, d in zip(operation.kernel_size, operation.dilation_rate, strict=True)
        ]
        # A convolution that shrinks may look in one direction only.
        far = max(dilated) if step > 1 else math.ceil(max(dilated) / 2)
        return stride * step, reach + far * stride
    if kind in _POOLS:
        return stride * max(operation.strides), reach + (max(operation.pool_size) - 1) * stride
    if kind == "UpSampling2D":
        return stride / max(operation.size), reach + stride
    if kind == "ZeroPadding2D":
        return stride, reach + max(max(pair) for pair in operation.padding) * stride
    return None

"""The feature maps that every encoder hands to the decoder."""

from __future__ import annotations

from typing import Any, NamedTuple


class Feature(NamedTuple):
    """One feature map: [B, H / stride, W / stride, C]."""

    stride: int
    tensor: Any  # a KerasTensor

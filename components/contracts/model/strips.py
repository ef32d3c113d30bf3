"""Enlarge probability maps to the size of a photo, and decide, in horizontal strips.

The maps of a photo of 12 megapixels would take 900 MB at its own size; a strip takes 5 MB. No value
depends on where a strip begins: each row is computed from the same numbers in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

_PIXELS_PER_STRIP = 2**16


class Decision(NamedTuple):
    """The most probable class of each pixel, and its probability.

    Attributes:
      classes: train ids, uint8 [H, W].
      confidence: float32 [H, W].
    """

    classes: np.ndarray
    confidence: np.ndarray


def strips(maps: Sequence[np.ndarray], size: tuple[int, int]) -> Iterator[tuple[slice, np.ndarray]]:
    """Sum maps at a common size, strip by strip.

    Args:
      maps: float32 [h, w, C], each of its own height and width, not negative.
      size: height and width of the result.

    Yields:
      The rows of a strip, and its probabilities: float32 [rows, W, C]; each pixel sums to 1.
    """
    height, width = size
    rows = max(1, _PIXELS_PER_STRIP // width)
    axes = [(_weights(m.shape[0], height), _weights(m.shape[1], width)) for m in maps]
    for start in range(0, height, rows):
        strip = slice(start, min(start + rows, height))
        total = np.zeros((strip.stop - start, width, maps[0].shape[-1]), np.float32)
        for values, (vertical, horizontal) in zip(maps, axes, strict=True):
            same = values.shape[:2] == size
            total += values[strip] if same else _enlarged(values, vertical, horizontal, strip)
        total /= total.sum(-1, keepdims=True)
        yield strip, total


def classes(maps: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Return the most probable class of each pixel of the sum: uint8 [H, W]."""
    result = np.empty(size, np.uint8)
    for rows, probabilities in strips(maps, size):
        result[rows] = probabilities.argmax(-1)
    return result


def decide(maps: Sequence[np.ndarray], size: tuple[int, int]) -> Decision:
    """Return the most probable class of each pixel of the sum, and its probability."""
    result = Decision(np.empty(size, np.uint8), np.empty(size, np.float32))
    for rows, probabilities in strips(maps, size):
        result.classes[rows] = probabilities.argmax(-1)
        result.confidence[rows] = probabilities.max(-1)
    return result


class _Weights(NamedTuple):
    """For each new position: the old ones on both sides, and the distance from the lower one."""

    lower: np.ndarray
    upper: np.ndarray
    distance: np.ndarray


def _weights(old: int, new: int) -> _Weights:
    """Return the weights of bilinear interpolation between the middles of pixels.

    The same single-precision operations as in the kernel of tf.image.resize (TensorFlow,
    resize_bilinear_op.cc), so that the results are equal to the bit.
    """
    scale = np.float32(old) / np.float32(new)
    at = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    low = np.floor(at)
    lower = np.maximum(low, 0).astype(np.intp)
    return _Weights(lower, np.minimum(np.ceil(at), old - 1).astype(np.intp), at - low)


def _enlarged(
    values: np.ndarray, vertical: _Weights, horizontal: _Weights, strip: slice
) -> np.ndarray:
    lower, upper = vertical.lower[strip], vertical.upper[strip]
    used, place = np.unique(np.concatenate([lower, upper]), return_inverse=True)
    band = values[used]
    band = _between(
        band[:, horizontal.lower], band[:, horizontal.upper], horizontal.distance[:, None]
    )
    top, bottom = band[place[: len(lower)]], band[place[len(lower) :]]
    return _between(top, bottom, vertical.distance[strip, None, None])


def _between(first: np.ndarray, second: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return first + (second - first) * distance; `second` is overwritten."""
    second -= first
    second *= distance
    second += first
    return second

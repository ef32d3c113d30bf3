"""Resize maps to the size of a photo, add them, and decide, in horizontal strips.

The probabilities of a photo of 12 megapixels would take 900 MB at its own size; a strip takes 5 MB.
No value depends on where a strip begins: each row is computed from the same numbers in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

_PIXELS_PER_STRIP = 2**16


class Rows(Protocol):
    """A map whose rows are asked for from top to bottom; `size` is its height and width."""

    size: tuple[int, int]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return rows, float32 [stop - start, w, C]; `start` never decreases from call to call."""
        ...


class Whole:
    """A map in memory, float32 [h, w, C]."""

    def __init__(self, values: np.ndarray) -> None:
        self.size: tuple[int, int] = values.shape[:2]
        self._values = values

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return rows."""
        return self._values[start:stop]


class Stream:
    """A map that is computed while it is read; rows above those that were asked for are forgotten."""

    def __init__(self, size: tuple[int, int], chunks: Iterator[np.ndarray]) -> None:
        """Take the rows of the map in order, in chunks [n, w, C]."""
        self.size = size
        self._chunks = chunks
        self._first = 0
        self._held: np.ndarray | None = None

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return rows."""
        while self._held is None or self._first + len(self._held) < stop:
            chunk = next(self._chunks)
            if self._held is None or self._first + len(self._held) <= start:
                self._first += 0 if self._held is None else len(self._held)
                self._held = chunk
            else:
                kept = self._held[start - self._first :]
                self._held, self._first = np.concatenate([kept, chunk]), start
        return self._held[start - self._first : stop - self._first]


class Decision(NamedTuple):
    """The most probable class of each pixel, and its probability.

    Attributes:
      classes: train ids, uint8 [H, W].
      confidence: float32 [H, W].
    """

    classes: np.ndarray
    confidence: np.ndarray


def strips(maps: Sequence[Rows], size: tuple[int, int]) -> Iterator[tuple[slice, np.ndarray]]:
    """Sum maps at a common size, strip by strip.

    Args:
      maps: each of its own height and width, not negative.
      size: height and width of the result.

    Yields:
      The rows of a strip, and its probabilities: float32 [rows, W, C]; each pixel sums to 1.
    """
    height, width = size
    rows = max(1, _PIXELS_PER_STRIP // width)
    for start in range(0, height, rows):
        stop = min(start + rows, height)
        # A copy, since what is in memory as a whole is not ours to change.
        total = np.array(resized(maps[0], size, start, stop))
        for values in maps[1:]:
            total += resized(values, size, start, stop)
        total /= total.sum(-1, keepdims=True)
        yield slice(start, stop), total


def fill(result: np.ndarray, maps: Sequence[Rows]) -> None:
    """Write the probabilities of the sum into an array: float32 [H, W, C]."""
    for rows, probabilities in strips(maps, result.shape[:2]):
        result[rows] = probabilities


def classes(maps: Sequence[Rows], size: tuple[int, int]) -> np.ndarray:
    """Return the most probable class of each pixel of the sum: uint8 [H, W]."""
    result = np.empty(size, np.uint8)
    for rows, probabilities in strips(maps, size):
        result[rows] = probabilities.argmax(-1)
    return result


def decide(maps: Sequence[Rows], size: tuple[int, int]) -> Decision:
    """Return the most probable class of each pixel of the sum, and its probability."""
    result = Decision(np.empty(size, np.uint8), np.empty(size, np.float32))
    for rows, probabilities in strips(maps, size):
        result.classes[rows] = probabilities.argmax(-1)
        result.confidence[rows] = probabilities.max(-1)
    return result


def resized(values: Rows, size: tuple[int, int], start: int, stop: int) -> np.ndarray:
    """Return some rows of a map at another size, by bilinear interpolation: [stop - start, W, C].

    The same single-precision operations as in the kernel of tf.image.resize (TensorFlow,
    resize_bilinear_op.cc), so that the results are equal to the bit.
    """
    if values.size == size:
        return values.read(start, stop)
    lower, upper, down = _weights(values.size[0], size[0], start, stop)
    left, right, across = _weights(values.size[1], size[1], 0, size[1])
    first = int(lower[0])
    band = values.read(first, int(upper[-1]) + 1)
    used, place = np.unique(np.concatenate([lower, upper]) - first, return_inverse=True)
    band = band[used]
    band = _between(band[:, left], band[:, right], across[:, None])
    return _between_rows(band, place[: len(lower)], place[len(lower) :], down)


def _weights(
    old: int, new: int, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for some new positions, the old ones on both sides, and how far from the lower one."""
    scale = np.float32(old) / np.float32(new)
    at = (np.arange(start, stop, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    low = np.floor(at)
    lower = np.maximum(low, 0).astype(np.intp)
    return lower, np.minimum(np.ceil(at), old - 1).astype(np.intp), at - low


def _between(first: np.ndarray, second: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return first + (second - first) * distance; `second` is overwritten."""
    second -= first
    second *= distance
    second += first
    return second


def _between_rows(
    band: np.ndarray, lower: np.ndarray, upper: np.ndarray, distances: np.ndarray
) -> np.ndarray:
    """Return rows between others, as `_between` does: several rows in a row often need one difference."""
    result = np.empty((len(lower), *band.shape[1:]), band.dtype)
    pair = None
    for row, low, high, distance in zip(result, lower, upper, distances, strict=True):
        if pair != (low, high):
            pair, difference = (low, high), band[high] - band[low]
        np.multiply(difference, distance, out=row)
        row += band[low]
    return result

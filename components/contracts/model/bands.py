"""Run a network over a large image in parts, and yield its output as rows from top to bottom.

A part is larger than what is kept of it, by the network's reach: what is kept is the same, to the bit,
as if the network had seen the whole image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from components.contracts.model.strips import resized

STRIDE = 32  # height and width of a generator's input are multiples of this
LARGE = 2**21  # pixels; what has more is computed in parts
_SIDE = 512  # the shortest side of a part, for networks that do not look far
_PART = 2**20  # pixels of a part that is as wide as its image; a U-Net takes 360 bytes per pixel

Network = Callable[[np.ndarray], np.ndarray]  # float32 [1, h, w, 3] -> [1, h, w, C]


class View:
    """An image as a network sees it: zoomed, and mirrored if asked; rows are made when needed."""

    def __init__(self, image: np.ndarray, size: tuple[int, int], mirrored: bool) -> None:
        """Take an image, uint8 [h, w, 3], and the height and width of the view."""
        self.size = size
        self._image, self._mirrored = _Image(image), mirrored

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return rows: float32 [stop - start, w, 3]."""
        rows = resized(self._image, self.size, start, stop)
        return rows[:, ::-1] if self._mirrored else rows


class _Image:
    def __init__(self, image: np.ndarray) -> None:
        self.size: tuple[int, int] = image.shape[:2]
        self._image = image

    def read(self, start: int, stop: int) -> np.ndarray:
        return self._image[start:stop].astype(np.float32)


class Span(NamedTuple):
    """A part of an axis: what the network sees of it, and which of that is kept."""

    start: int
    stop: int
    kept: slice  # of the axis


def spans(length: int, part: int, reach: int) -> list[Span]:
    """Divide an axis into overlapping parts; all numbers are multiples of STRIDE.

    Args:
      length: of the axis.
      part: length of a part, above twice the reach.
      reach: what must be seen on both sides of what is kept.
    """
    if part >= length:
        return [Span(0, length, slice(0, length))]
    found: list[Span] = []
    done = 0
    while done < length:
        start = min(max(0, done - reach), length - part)
        stop = start + part
        end = length if stop == length else stop - reach
        found.append(Span(start, stop, slice(done, end)))
        done = end
    return found


def part_size(size: tuple[int, int], reach: int) -> tuple[int, int]:
    """Return height and width of the parts of an image, at most its own; multiples of STRIDE."""
    height, width = (round_up(n) for n in size)
    side = max(_SIDE, 4 * round_up(reach))
    return min(height, side), width if side * width <= _PART else min(width, 4 * side)


def in_bands(network: Network, view: View, reach: int) -> Iterator[np.ndarray]:
    """Yield the network's output for a view, in chunks of rows: float32 [n, w, C].

    Args:
      network: any height and width that are multiples of STRIDE.
      view: of the image; its border is repeated below and on the right, up to a multiple of STRIDE.
      reach: of the network, see `reach_of`.
    """
    height, width = view.size
    reach = round_up(reach)
    rows, columns = part_size(view.size, reach)
    for down in spans(round_up(height), rows, reach):
        seen = view.read(down.start, min(down.stop, height))
        padding = (down.stop - down.start - len(seen), round_up(width) - width)
        seen = np.pad(seen, [(0, padding[0]), (0, padding[1]), (0, 0)], mode="edge")
        kept = slice(down.kept.start - down.start, down.kept.stop - down.start)
        chunks = []
        for across in spans(round_up(width), columns, reach):
            found = network(seen[None, :, across.start : across.stop])[0]
            first = across.start
            chunks.append(found[kept, across.kept.start - first : across.kept.stop - first])
        chunk = np.concatenate(chunks, 1) if len(chunks) > 1 else chunks[0]
        yield chunk[: height - down.kept.start, :width]


def round_up(length: int) -> int:
    """Return the next multiple of STRIDE."""
    return -(-length // STRIDE) * STRIDE

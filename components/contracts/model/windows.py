"""Slide a window over an image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from components.contracts.model.bands import Network, View
from components.contracts.recipe.inference import InferenceSettings


class Windows(NamedTuple):
    """Windows over a view: height and width of each, and where they start."""

    size: tuple[int, int]
    tops: list[int]
    lefts: list[int]


def windows_over(size: tuple[int, int], settings: InferenceSettings) -> Windows | None:
    """Return where windows slide over a view of this size; None if it is seen as a whole."""
    window, overlap = settings.window, settings.overlap
    if window is None or (size[0] <= window[0] and size[1] <= window[1]):
        return None
    return Windows(
        (min(window[0], size[0]), min(window[1], size[1])),
        starts(size[0], window[0], overlap),
        starts(size[1], window[1], overlap),
    )


def starts(length: int, window: int, overlap: float) -> list[int]:
    """Return where windows start: evenly spaced, the last one ending at the border."""
    if length <= window:
        return [0]
    stride = max(1, round(window * (1 - overlap)))
    count = -(-(length - window) // stride) + 1
    return [round(i * (length - window) / (count - 1)) for i in range(count)]


def in_windows(network: Network, view: View, windows: Windows) -> Iterator[np.ndarray]:
    """Yield the mean of the network's outputs for overlapping windows, in chunks of rows.

    Args:
      network: of windows of this size.
      view: of the image.
      windows: over the view.
    """
    window, tops, lefts = windows
    total: np.ndarray | None = None
    times = np.zeros((window[0], view.size[1], 1), np.float32)
    for top, following in zip(tops, [*tops[1:], view.size[0]], strict=True):
        rows = view.read(top, top + window[0])
        for left in lefts:
            found = network(rows[None, :, left : left + window[1]])[0]
            if total is None:
                total = np.zeros((*times.shape[:2], found.shape[-1]), np.float32)
            total[:, left : left + window[1]] += found
            times[:, left : left + window[1]] += 1
        assert total is not None
        final = following - top
        yield total[:final] / times[:final]
        for sums in (total, times):
            sums[: len(sums) - final] = sums[final:].copy()
            sums[len(sums) - final :] = 0

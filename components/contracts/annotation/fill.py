"""Check the corners of polygons, and fill polygons whose corners are fractions of a pixel."""

from __future__ import annotations

import numpy as np

from components.contracts.annotation.fields import items_of, real
from components.contracts.annotation.model import AnnotationError

_MAX_CORNERS = 50_000
_MAX_CROSSINGS = 2**24  # of edges with rows; a hand-drawn outline has thousands


def corners(value: object, low: float, high: float, unit: str) -> np.ndarray:
    """Return the corners of a polygon from JSON, `[[x, y], …]`: float [N, 2], each in low..high.

    Raises:
      AnnotationError: not a list of pairs of numbers, a number out of range, or too many corners.
    """
    points = items_of(value, "the corners of a polygon")
    if len(points) > _MAX_CORNERS:
        raise AnnotationError(
            f"A polygon has {len(points):,} corners; at most {_MAX_CORNERS:,} are accepted. "
            "Simplify its outline."
        )
    rows = []
    for point in points:
        pair = items_of(point, "a corner of a polygon")
        if len(pair) != 2:
            raise AnnotationError(
                "A corner of a polygon is not a pair of x and y. Export it again."
            )
        rows.append([real(number, f"a corner (in {unit})", low, high) for number in pair])
    return np.array(rows, np.float64).reshape(len(rows), 2)


def fill_polygon(height: int, width: int, points: np.ndarray) -> np.ndarray:
    """Return the pixels whose centre is in a polygon, by the even-odd rule: bool [height, width].

    cv2.fillPoly also paints every pixel that the outline touches, half a pixel too much all around:
    two neighbours that share an edge would overlap. Here every pixel belongs to one of them.

    Args:
      height: of the image.
      width: of the image.
      points: float [N, 2], x and y in pixels, (0, 0) = the upper left corner of the image.

    Raises:
      AnnotationError: the outline goes up and down too often to be drawn by hand.
    """
    toggles = np.zeros((height, width + 1), bool)
    x0, y0 = points[:, 0], points[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    # An edge crosses the rows whose centre line, y + 0.5, lies in [lower y, upper y).
    first = np.clip(np.ceil(np.minimum(y0, y1) - 0.5), 0, height).astype(np.int64)
    stop = np.clip(np.ceil(np.maximum(y0, y1) - 0.5), 0, height).astype(np.int64)
    crossed = stop - first
    if crossed.sum() > _MAX_CROSSINGS:
        raise AnnotationError(
            "The outline of a polygon is too jagged to be drawn by hand. Draw it again."
        )
    edge = np.repeat(np.arange(len(points)), crossed)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed - first, crossed)
    along = (row + 0.5 - y0[edge]) / (y1 - y0)[edge]  # 0..1; no edge here is level
    x = x0[edge] + along * (x1 - x0)[edge]
    column = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    np.logical_xor.at(toggles, (row, column), True)
    return np.logical_xor.accumulate(toggles, axis=1)[:, :width]

"""Check the corners of polygons, and paint outlines whose corners are fractions of a pixel.

A pixel belongs to a shape if its centre does. cv2.fillPoly also paints every pixel that the outline
touches, half a pixel too much all around: two neighbours that share an edge would overlap.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from components.contracts.annotation.fields import items_of, real
from components.contracts.annotation.model import AnnotationError

# What is inside an outline that crosses itself. "nonzero": everything that it goes around, as SVG and
# a browser's canvas fill it; "even-odd": what it goes around twice is a hole.
Rule = Literal["nonzero", "even-odd"]

_MAX_CORNERS = 50_000  # keeps the number of turns around a pixel within 16 bits, too
_ELLIPSE_CORNERS = 1_000  # off by 1/200 of a pixel at a radius of 1000
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


def pixel_corners(value: object, size: tuple[int, int]) -> np.ndarray:
    """Return the corners of a polygon in pixels, as `corners`; they may be outside the image."""
    side = max(size)
    return corners(value, -side, 2 * side, "pixels")


def paint_outline(
    train_ids: np.ndarray, points: np.ndarray, train_id: int, rule: Rule = "nonzero"
) -> None:
    """Paint a polygon into a label map.

    Args:
      train_ids: uint8 [H, W], changed in place.
      points: float [N, 2], x and y in pixels, (0, 0) = the upper left corner of the image; fewer
        than three have no area.
      train_id: the class.
      rule: what is inside.

    Raises:
      AnnotationError: the outline goes up and down too often to be drawn by hand.
    """
    height, width = train_ids.shape
    x0, y0 = points[:, 0], points[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    # An edge crosses the rows whose centre line, y + 0.5, is in [lower y, upper y).
    first = np.clip(np.ceil(np.minimum(y0, y1) - 0.5), 0, height).astype(np.int64)
    stop = np.clip(np.ceil(np.maximum(y0, y1) - 0.5), 0, height).astype(np.int64)
    crossed = stop - first
    if crossed.sum() > _MAX_CROSSINGS:
        raise AnnotationError(
            "The outline of a polygon is too jagged to be drawn by hand. Draw it again."
        )
    edge = np.repeat(np.arange(len(points)), crossed)
    if not len(edge):
        return
    row = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed - first, crossed)
    along = (row + 0.5 - y0[edge]) / (y1 - y0)[edge]  # 0..1; no edge here is level
    x = x0[edge] + along * (x1 - x0)[edge]
    column = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    top, left = row.min(), column.min()
    turns = np.zeros((row.max() + 1 - top, column.max() + 1 - left), np.int16)
    np.add.at(turns, (row - top, column - left), np.where(y1 > y0, 1, -1)[edge])
    around = np.cumsum(turns, axis=1, dtype=np.int16)[:, :-1]
    inside = around != 0 if rule == "nonzero" else around % 2 != 0
    train_ids[top : row.max() + 1, left : column.max()][inside] = train_id


def paint_box(
    train_ids: np.ndarray,
    box: tuple[float, float, float, float],
    train_id: int,
    degrees: float = 0.0,
    pivot: tuple[float, float] | None = None,
) -> None:
    """Paint a rectangle into a label map.

    Args:
      train_ids: uint8 [H, W], changed in place.
      box: left, top, right and bottom in pixels, before it is turned.
      train_id: the class.
      degrees: by which it is turned, clockwise.
      pivot: x and y of the point around which it is turned; the centre by default.
    """
    left, top, right, bottom = box
    points = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    centre = np.array(pivot or ((left + right) / 2, (top + bottom) / 2))
    turned = _turned(points - centre, degrees) + centre if degrees else points
    paint_outline(train_ids, turned, train_id)


def paint_ellipse(
    train_ids: np.ndarray,
    centre: tuple[float, float],
    radii: tuple[float, float],
    train_id: int,
    degrees: float = 0.0,
) -> None:
    """Paint an ellipse into a label map.

    Args:
      train_ids: uint8 [H, W], changed in place.
      centre: x and y in pixels.
      radii: in x and in y, in pixels, before it is turned.
      train_id: the class.
      degrees: by which it is turned around its centre, clockwise.
    """
    around = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)
    points = np.column_stack([radii[0] * np.cos(around), radii[1] * np.sin(around)])
    paint_outline(train_ids, _turned(points, degrees) + centre, train_id)


def _turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Turn points clockwise (the y axis points down) around the origin."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned: np.ndarray = points @ np.array([[cos, sin], [-sin, cos]])
    return turned

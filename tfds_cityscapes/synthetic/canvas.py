"""The canvas of a scene: an image finer than the result, and polygons that are the labels.

Labels are drawn once: the polygon of an object is rounded to whole pixels, kept for the polygons
file and rasterised from there, so that the file and the label image cannot disagree.
"""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import cv2
import numpy as np

from tfds_cityscapes.labels import BY_NAME
from tfds_cityscapes.synthetic.cities import Color
from tfds_cityscapes.synthetic.texture import PLAIN
from tfds_cityscapes.synthetic.weather import Light

_SHIFT = 3  # binary digits of a coordinate after the point
_FINE_PIXELS = 1 << 19  # larger pictures are painted at their own resolution: no visible gain


@functools.cache
def circle(corners: int, turn: float = 0.0) -> np.ndarray:
    """Return a regular polygon [corners, 2] of unit radius, turned by an angle in radians."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False) + turn
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


class Canvas:
    """The picture that is being painted; coordinates are output pixels (column, row)."""

    def __init__(self, height: int, width: int, light: Light):
        self.height, self.width, self.light = height, width, light
        self.scale = 2 if height * width <= _FINE_PIXELS else 1
        shape = (height * self.scale, width * self.scale)
        self.image = np.zeros((*shape, 3), np.uint8)  # RGB
        self.material = np.full(shape, PLAIN, np.uint8)
        self.instance_ids = np.zeros((height, width), np.uint16)
        self.objects: list[dict[str, Any]] = []  # as in the polygons file
        self._counts: Counter[str] = Counter()
        self._line = cv2.LINE_8 if self.scale > 1 else cv2.LINE_AA

    def fixed(self, polygon: np.ndarray) -> np.ndarray:
        """Return the canvas coordinates of a polygon in fixed point."""
        step = float(self.scale << _SHIFT)
        points = np.multiply(polygon, step)
        points += (step - (1 << _SHIFT)) / 2 + 0.5  # a pixel's centre; the half rounds
        return points.astype(np.int32)

    def fill(self, polygon: np.ndarray, color: Color, material: int | None = None) -> None:
        """Paint one polygon [N, 2], or the N quads of [N, 4, 2], into the image only."""
        if len(polygon) == 0:
            return
        points = self.fixed(polygon)
        parts = list(points) if points.ndim == 3 else [points]
        cv2.fillPoly(self.image, parts, color, self._line, _SHIFT)
        if material is not None:
            cv2.fillPoly(self.material, parts, material, cv2.LINE_8, _SHIFT)

    def blend(self, polygon: np.ndarray, color: Color, opacity: float) -> None:
        """Paint one polygon [N, 2] so that the background shows through."""
        if len(polygon) < 3:
            return
        points = self.fixed(polygon)
        x, y, w, h = cv2.boundingRect(points >> _SHIFT)
        x0, y0 = max(0, x - 1), max(0, y - 1)
        x1, y1 = min(self.image.shape[1], x + w + 1), min(self.image.shape[0], y + h + 1)
        if x0 >= x1 or y0 >= y1:
            return
        part = self.image[y0:y1, x0:x1]
        above = part.copy()
        offset = np.array([x0, y0], np.int32) << _SHIFT
        cv2.fillPoly(above, [points - offset], color, self._line, _SHIFT)
        part[:] = cv2.addWeighted(above, opacity, part, 1.0 - opacity, 0.0)

    def lines(self, segments: np.ndarray, color: Color, width: float) -> None:
        """Draw segments [N, 2, 2], `width` output pixels wide, into the image only."""
        if len(segments) == 0:
            return
        thickness = max(1, round(width * self.scale))
        parts = list(self.fixed(segments))
        cv2.polylines(self.image, parts, False, color, thickness, self._line, _SHIFT)

    def add(self, name: str, polygon: np.ndarray, *, group: bool = False) -> None:
        """Give the polygon's pixels to the class `name`; a group has no instances."""
        if len(polygon) < 3:
            return
        corners = _cut(polygon.tolist(), self.width - 1, self.height - 1)
        whole: list[tuple[int, int]] = []
        for x, y in corners:
            corner = (round(x), round(y))
            if not whole or corner != whole[-1]:
                whole.append(corner)
        if len(whole) < 3:
            return
        label = BY_NAME[name]
        value = label.label_id
        if label.has_instances and not group:
            value = label.label_id * 1000 + self._counts[name]
            self._counts[name] += 1
        cv2.fillPoly(self.instance_ids, [np.array(whole, np.int32)], value)
        full_name = f"{name}group" if group else name
        self.objects.append({"label": full_name, "polygon": whole})

    def paint(self, name: str, polygon: np.ndarray, color: Color, material: int = PLAIN) -> None:
        """Paint one polygon into the image and give its pixels to the class `name`."""
        self.fill(polygon, color, material)
        self.add(name, polygon)

    def add_union(
        self, name: str, parts: list[np.ndarray], material: int = PLAIN, *, group: bool = False
    ) -> None:
        """Give the outline around overlapping parts, each [N, 2], to one object of the class."""
        corners = np.concatenate(parts)
        low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
        high = np.ceil(corners.max(axis=0)).astype(int) + 2
        high = np.minimum(high, (self.width, self.height))
        if (high - low < 2).any():
            return
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        for part in parts:  # one by one: together, overlaps would cancel out
            cv2.fillPoly(mask, [np.rint(part - low).astype(np.int32)], 1)
            cv2.fillPoly(self.material, [self.fixed(part)], material, cv2.LINE_8, _SHIFT)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        if not outlines:
            return
        outline = max(outlines, key=len)
        if len(outline) > 8:
            outline = cv2.approxPolyDP(outline, 0.6, True)
        self.add(name, outline.reshape(-1, 2) + low, group=group)

    def label_ids(self) -> np.ndarray:
        """Return the label image so far: uint8 [height, width]."""
        ids = self.instance_ids
        return np.where(ids >= 1000, ids // 1000, ids).astype(np.uint8)


def _cut(points: list[list[float]], right: float, bottom: float) -> list[list[float]]:
    """Cut a polygon at the picture's edges (Sutherland and Hodgman, 1974)."""
    columns, rows = zip(*points, strict=True)
    if min(columns) >= 0 and max(columns) <= right and min(rows) >= 0 and max(rows) <= bottom:
        return points
    for axis, sign, bound in ((0, 1.0, 0.0), (0, -1.0, right), (1, 1.0, 0.0), (1, -1.0, bottom)):
        distances = [point[axis] * sign + bound for point in points]
        if not distances or min(distances) >= 0:
            continue
        out = []
        last, d_last = points[-1], distances[-1]
        for point, d in zip(points, distances, strict=True):
            if (d >= 0) != (d_last >= 0):
                t = d_last / (d_last - d)
                out.append([a + t * (b - a) for a, b in zip(last, point, strict=True)])
            if d >= 0:
                out.append(point)
            last, d_last = point, d
        points = out
    return points

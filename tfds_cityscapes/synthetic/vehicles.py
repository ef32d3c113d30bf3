"""Paint vehicles as tapered boxes in space, with windows, wheels and lamps."""

from __future__ import annotations

import cv2
import numpy as np

from tfds_cityscapes.synthetic.camera import NEAR, Camera
from tfds_cityscapes.synthetic.canvas import Canvas
from tfds_cityscapes.synthetic.cities import Color, vary
from tfds_cityscapes.synthetic.texture import METAL
from tfds_cityscapes.synthetic.vehicle_shapes import MAKERS, Part

KINDS = frozenset(MAKERS)

_RIM = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 10, endpoint=False)])

# Corner numbers of a part: tail left, tail right, nose right, nose left; below, then above.
_FACES = {
    "tail": (1, 0, 4, 5), "nose": (3, 2, 6, 7), "left": (0, 3, 7, 4), "right": (2, 1, 5, 6),
    "top": (4, 7, 6, 5),
}  # fmt: skip


def paint_vehicle(
    canvas: Canvas, camera: Camera, rng: np.random.Generator,
    kind: str, x: float, z: float, heading: float,
) -> None:  # fmt: skip
    """Paint a vehicle with its middle at (x, z); a heading of 90 degrees is to the right."""
    shape = MAKERS[kind](rng)
    color = vary(rng, shape.colors[int(rng.integers(len(shape.colors)))], 0.08)
    cargo = vary(rng, ((200, 198, 192), (120, 124, 128), (66, 88, 120))[int(rng.integers(3))], 0.1)
    angle = np.deg2rad(heading)
    ahead = np.array([np.sin(angle), 0.0, np.cos(angle)])
    across = np.array([np.cos(angle), 0.0, -np.sin(angle)])
    up = np.array([0.0, 1.0, 0.0])
    middle = np.array([x, 0.0, z])

    def place(s: np.ndarray, w: np.ndarray, y: np.ndarray) -> np.ndarray:
        return middle + s[:, None] * ahead + w[:, None] * across + y[:, None] * up

    solids = []
    for part in shape.parts:
        s = np.array([part.tail[0], part.tail[0], part.nose[0], part.nose[0],
                      part.tail[1], part.tail[1], part.nose[1], part.nose[1]])  # fmt: skip
        w = np.repeat(part.half, 4) * np.tile([-1.0, 1.0, 1.0, -1.0], 2)
        solids.append(place(s, w, np.repeat(part.y, 4)))
    corners = np.stack(solids)  # [parts, 8, 3]
    if corners[..., 2].min() < NEAR:
        return
    flat = camera.project(corners)
    detailed = camera.scale(z) > 4.5
    painter = _Painter(canvas, z, color, cargo)
    outline: list[np.ndarray] = []
    tyres: list[np.ndarray] = []
    if shape.radius:
        half = shape.parts[0].half[0]
        axles = np.array(shape.wheels)[:, None]
        for w in (-half, 0.24 - half, half - 0.24, half):  # both rims of the left and right tyres
            s = (axles + _RIM[:, 0] * shape.radius).ravel()
            y = np.tile(shape.radius * (1.0 + _RIM[:, 1]), len(axles))
            rims = camera.project(place(s, np.full(len(s), w), y))
            tyres.append(rims.reshape(len(axles), len(_RIM), 2))
            outline += list(tyres[-1])
        painter.tyres(tyres, 30.0)
    order = np.argsort(-corners[..., 2].mean(axis=1)) if shape.label in ("truck", "train") else None
    for k in range(len(shape.parts)) if order is None else order:
        outline.append(cv2.convexHull(flat[k].astype(np.float32)).reshape(-1, 2))
        painter.part(shape.parts[k], flat[k], detailed)
    if tyres and detailed:  # those of the visible side are in front of the body
        for side, rims in (("left", tyres[0]), ("right", tyres[3])):
            if _area(flat[0][list(_FACES[side])]) > 0:
                painter.tyres([rims], 26.0)
                hubs = rims.mean(axis=1, keepdims=True)
                painter.tyres([hubs + 0.55 * (rims - hubs)], 120.0)
    canvas.add_union(shape.label, outline, METAL)


class _Painter:
    def __init__(self, canvas: Canvas, z: float, color: Color, cargo: Color):
        self.canvas, self.z, self.color, self.cargo = canvas, z, color, cargo

    def tone(self, color: Color, gain: float = 1.0) -> Color:
        return self.canvas.light.tone(color, self.z, gain)

    def tyres(self, groups: list[np.ndarray], gray: float) -> None:
        """Paint discs; each group is [N, corners, 2] pixels, without overlaps."""
        for group in groups:
            self.canvas.fill(group, self.tone((gray, gray, gray + 2)))

    def part(self, part: Part, corners: np.ndarray, detailed: bool) -> None:
        """Paint the faces of one part that the camera sees; corners: [8, 2] pixels."""
        light = self.canvas.light
        gains = {
            "tail": light.front * 0.95, "nose": light.front * 0.95, "top": light.top * 1.12,
            "left": light.right * 0.92, "right": light.left * 0.92,
        }  # fmt: skip
        color = self.color if part.own_color else self.cargo
        for name, ids in _FACES.items():
            quad = corners[list(ids)]
            if _area(quad) <= 0:
                continue
            self.canvas.fill(quad, self.tone(color, gains[name]))
            if not detailed or name == "top":
                continue
            sides = name in ("left", "right")
            if part.glass:
                self._glass(quad, part, sides, gains[name])
            if sides and part.y[0] < 0.6:
                self.canvas.fill(_inner(quad, 0, 1, 0, 0.18), self.tone(color, gains[name] * 0.55))
            elif not sides and (part.y[0] < 0.4 or part.y[0] == 0.6):
                self._lamps(quad, name, part)

    def _glass(self, quad: np.ndarray, part: Part, sides: bool, gain: float) -> None:
        assert part.glass is not None
        low, high = part.glass
        dark = self.tone((36, 42, 50), gain * 0.9 + 0.1)
        count = part.panes if sides else 1
        for k in range(count):
            left = 0.06 + 0.88 * k / count
            right = 0.06 + 0.88 * (k + 1) / count - (0.03 if count > 1 else 0.0)
            self.canvas.fill(_inner(quad, left, right, low, high), dark)
        sky = self.tone(self.canvas.light.sky_low, 0.62)
        shine = _inner(quad, 0.1, 0.5, high - 0.3 * (high - low), high)
        self.canvas.blend(shine, sky, 0.4)

    def _lamps(self, quad: np.ndarray, name: str, part: Part) -> None:
        high = (0.5, 0.78) if part.y[1] < 1.2 else (0.1, 0.2)
        color: Color = (178, 24, 26) if name == "tail" else (236, 234, 214)
        for left, right in ((0.03, 0.2), (0.8, 0.97)):
            self.canvas.fill(_inner(quad, left, right, *high), self.tone(color))
        plate = _inner(quad, 0.37, 0.63, high[0] - 0.1, high[0] + 0.1)
        self.canvas.fill(plate, self.tone((220, 220, 214)))
        self.canvas.fill(_inner(quad, 0, 1, 0, high[0] * 0.4), self.tone((46, 48, 50)))


def _area(quad: np.ndarray) -> float:
    """Return twice the signed area; positive for a face that faces the camera."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = quad.tolist()
    return (x2 - x0) * (y3 - y1) - (x3 - x1) * (y2 - y0)


def _inner(quad: np.ndarray, u0: float, u1: float, v0: float, v1: float) -> np.ndarray:
    """Return the part of a face between shares of its width (u) and its height (v): [4, 2]."""
    u = np.array([u0, u1, u1, u0])[:, None]
    v = np.array([v0, v0, v1, v1])[:, None]
    low = quad[0] + u * (quad[1] - quad[0])
    high = quad[3] + u * (quad[2] - quad[3])
    return low + v * (high - low)

"""Paint houses in perspective: facades with windows, shops and roofs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfds_cityscapes.synthetic.camera import NEAR, Camera
from tfds_cityscapes.synthetic.canvas import Canvas
from tfds_cityscapes.synthetic.cities import City, Color, pick, vary
from tfds_cityscapes.synthetic.texture import BRICK, METAL, PLAIN, PLASTER

_DETAIL = 55.0  # metres: trim and shops farther away are smaller than a pixel
_DEPTH = 11.0  # metres from the street front to the back


class _Face:
    """A vertical rectangle above the line from corner a to corner b on the ground (x, z)."""

    def __init__(self, camera: Camera, a: tuple[float, float], b: tuple[float, float]):
        self.camera, self.a, self.b = camera, a, b

    def quads(self, s0: np.ndarray, s1: np.ndarray, y0: np.ndarray, y1: np.ndarray) -> np.ndarray:
        """Return rectangles of the face: [N, 4, 2] pixels; s from 0 at a to 1 at b, y in metres."""
        s = np.array([s0, s1, s1, s0]).T  # [N, 4]
        points = np.empty((*s.shape, 3))
        points[..., 0] = self.a[0] + (self.b[0] - self.a[0]) * s
        points[..., 1] = np.array([y0, y0, y1, y1]).T
        points[..., 2] = self.a[1] + (self.b[1] - self.a[1]) * s
        return self.camera.project(points[(points[..., 2] >= NEAR).all(axis=-1)])

    def band(self, y0: float, y1: float) -> np.ndarray:
        """Return the face between two heights (m): [M, 2] pixels."""
        (xa, za), (xb, zb) = self.a, self.b
        points = np.array([[xa, y0, za], [xa, y1, za], [xb, y1, zb], [xb, y0, zb]])
        return self.camera.polygon(points)


@dataclass(frozen=True)
class _House:
    """The looks of a house, all drawn together: they must not depend on what the camera sees."""

    floors: int
    storey: float  # metres
    color: Color
    trim: Color
    roof: Color
    pitched: bool
    glass: bool
    ledge: bool
    shop: bool
    sign: Color
    goods: Color
    setback: float  # metres
    window_pitch: float  # metres from window to window
    window_share: float  # of that which is glass
    window_top: float  # share of the storey
    frame: Color
    panes: Color
    pattern: int  # which windows mirror the sky

    @property
    def eaves(self) -> float:
        return self.floors * self.storey + 0.6

    @property
    def material(self) -> int:
        if self.glass:
            return METAL
        return BRICK if max(self.color) - min(self.color) > 45 else PLASTER


def _draw_house(rng: np.random.Generator, city: City) -> _House:
    family = city.family
    u = rng.random(9).tolist()
    sign, goods = rng.uniform(30, 215, (2, 3)).tolist()
    color = vary(rng, pick(rng, city.facades), 0.07)
    glass = u[0] < family.glass
    return _House(
        floors=int(rng.integers(family.floors[0], family.floors[1] + 1)),
        storey=2.9 + 0.7 * u[1],
        color=color,
        trim=vary(rng, color, 0.15),
        roof=vary(rng, pick(rng, family.roofs), 0.08),
        pitched=u[2] < family.gables,
        glass=glass,
        ledge=u[3] < 0.5,
        shop=u[4] < (0.1 if family.verge > 0.6 else 0.5),
        sign=(sign[0], sign[1], sign[2]),
        goods=(goods[0], goods[1], goods[2]),
        setback=max(0.0, 7.0 * u[5] - 4.5),
        window_pitch=1.9 + 1.3 * u[6],
        window_share=0.86 if glass else 0.38 + 0.22 * u[7],
        window_top=0.95 if glass else 0.75 + 0.13 * u[8],
        frame=pick(rng, ((214, 212, 206), (92, 80, 70), (150, 148, 144))),
        panes=vary(rng, (58, 66, 78), 0.15),
        pattern=int(rng.integers(1000)),
    )


def paint_house(
    canvas: Canvas, camera: Camera, city: City, rng: np.random.Generator,
    x: float, z0: float, z1: float, free: bool,
) -> None:  # fmt: skip
    """Paint a house whose front is at the lateral place x, from z0 to z1 metres ahead.

    A house that is not free has a neighbour on its near side and no windows there.
    """
    light, house = canvas.light, _draw_house(rng, city)
    if z1 <= max(z0, NEAR):
        return
    side = 1.0 if x > 0 else -1.0
    x += side * house.setback
    back, ridge, eaves = x + side * _DEPTH, x + side * _DEPTH / 2, house.eaves
    middle = max(3.0, (max(z0, NEAR) + z1) / 2)
    if z0 > NEAR:
        tone = light.tone(house.color, z0, light.front * 0.95)
        corners = [[x, 0, z0], [x, eaves, z0], [back, eaves, z0], [back, 0, z0]]
        if house.pitched:
            corners.insert(2, [ridge, eaves + 3.6, z0])
        canvas.paint("building", camera.project(np.array(corners)), tone, house.material)
        if free:
            end = _Face(camera, (x, z0), (back, z0))
            _windows(canvas, end, house, _DEPTH, z0, light.front, 0)
    if house.pitched:
        slope = [[x, eaves, z0], [ridge, eaves + 3.6, z0], [ridge, eaves + 3.6, z1], [x, eaves, z1]]
        tiles = light.tone(house.roof, middle, light.side(x) * 1.05)
        canvas.paint("building", camera.polygon(np.array(slope)), tiles, BRICK)
    front = _Face(camera, (x, z0), (x, z1))
    gain = light.side(x)
    face = front.band(0, eaves)
    canvas.paint("building", face, light.tone(house.color, middle, gain), house.material)
    if not house.glass and z0 < _DETAIL:
        trim = light.tone(house.trim, middle, gain * 1.1)
        canvas.fill(front.band(eaves - 0.35, eaves), trim)
        canvas.fill(front.band(0, 0.5), light.tone(house.color, middle, gain * 0.72))
        if house.ledge:
            canvas.fill(front.band(house.storey + 0.3, house.storey + 0.5), trim)
    if house.shop and z0 < _DETAIL:
        _shop(canvas, front, house, z1 - z0, middle, gain)
    _windows(canvas, front, house, z1 - z0, middle, gain, int(house.shop))


def _windows(
    canvas: Canvas, face: _Face, house: _House, length: float, z: float, gain: float, lowest: int
) -> None:
    columns = max(1, int(length / house.window_pitch))
    number = np.arange(lowest * columns, house.floors * columns)
    floor, column = number // columns, number % columns
    s = (column + 0.5) / columns
    half = house.window_share / columns / 2
    low = 0.12 if house.glass else 0.3
    y0 = 0.5 + (floor + low) * house.storey
    y1 = 0.5 + (floor + house.window_top) * house.storey
    light = canvas.light
    frame = light.tone(house.frame, z, gain)
    if not house.glass and z < 40:
        canvas.fill(face.quads(s - half * 1.2, s + half * 1.2, y0 - 0.12, y1 + 0.12), frame)
    panes = face.quads(s - half, s + half, y0, y1)
    canvas.fill(panes, light.tone(house.panes, z, 0.95), PLAIN)
    if z < _DETAIL:
        (r, g, b), (sr, sg, sb) = house.panes, light.sky_low
        mirror = (0.6 * r + 0.4 * sr, 0.6 * g + 0.4 * sg, 0.6 * b + 0.4 * sb)
        bright = (np.arange(len(panes)) * 37 + house.pattern) % 10 < 3
        canvas.fill(panes[bright], light.tone(mirror, z, 0.95))
    if not house.glass and z < 25:
        canvas.fill(face.quads(s - half * 0.07, s + half * 0.07, y0, y1), frame)


def _shop(canvas: Canvas, face: _Face, house: _House, length: float, z: float, gain: float) -> None:
    tone, storey = canvas.light.tone, house.storey
    count = max(1, int(length / 4.5))
    s = (np.arange(count) + 0.5) / count
    half = 0.4 / count
    low, high = np.full(count, 0.45), np.full(count, storey * 0.78)
    canvas.fill(face.quads(s - half, s + half, low, high), tone((50, 54, 60), z), PLAIN)
    goods = face.quads(s - half * 0.5, s + half * 0.3, low, high * 0.5)
    canvas.fill(goods, tone(house.goods, z, 0.8))
    canvas.fill(face.band(storey * 0.84, storey * 1.08), tone(house.sign, z, gain))
    letters = face.quads(s - half * 0.4, s + half * 0.4, high * 1.13, high * 1.3)
    canvas.fill(letters, tone((228, 226, 218), z, gain))

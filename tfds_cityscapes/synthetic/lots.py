"""Paint what is beside a street: houses, parks, walls and fences."""

from __future__ import annotations

import numpy as np

from tfds_cityscapes.synthetic.camera import NEAR, Camera
from tfds_cityscapes.synthetic.canvas import Canvas
from tfds_cityscapes.synthetic.cities import Color, pick, vary
from tfds_cityscapes.synthetic.ground import strip
from tfds_cityscapes.synthetic.houses import paint_house
from tfds_cityscapes.synthetic.plants import paint_hedge, paint_tree
from tfds_cityscapes.synthetic.street import Lot, Street
from tfds_cityscapes.synthetic.texture import BRICK, GRASS, PLAIN, PLASTER, STONE

_TREES = 5  # per lot, at most


def paint_lot(canvas: Canvas, camera: Camera, street: Street, lot: Lot) -> None:
    """Paint one lot; its looks depend on its own seed only."""
    rng = np.random.default_rng(lot.seed)
    z0, z1 = lot.start - camera.z, lot.end - camera.z
    if z1 <= NEAR + 0.4:
        return
    x = street.edge(lot.side)
    column, _ = camera.foot(x - 3.0 * lot.side, z1)
    if column < 0 if lot.side < 0 else column > camera.width:
        return  # outside the picture
    if lot.kind == "building":
        free = not any(
            near.side == lot.side and near.end == lot.start and near.kind == "building"
            for near in street.lots
        )
        paint_house(canvas, camera, street.city, rng, x, z0, z1, free)
        return
    depth = 22.0
    lawn = strip(camera, x, x + lot.side * depth, z0, z1)
    if len(lawn):
        tone = canvas.light.tone(street.city.grass, 10.0, canvas.light.top * 0.9)
        canvas.paint("terrain", lawn, tone, GRASS)
    if lot.kind != "park" and rng.random() < 0.5:
        paint_house(canvas, camera, street.city, rng, x + lot.side * 7, z0 + 1, z1 - 1, True)
    _trees(canvas, camera, street, rng, lot, x, _TREES if lot.kind == "park" and z0 < 50 else 2)
    if lot.kind == "park" and rng.random() < 0.5:
        paint_hedge(
            canvas, camera, street.city, rng, x + lot.side * 0.6, z0, z1, rng.uniform(0.8, 2.0)
        )
    elif lot.kind == "wall":
        _wall(canvas, camera, street, rng, x, z0, z1)
    elif lot.kind == "fence":
        _fence(canvas, camera, street, rng, x, z0, z1)


def _trees(
    canvas: Canvas, camera: Camera, street: Street, rng: np.random.Generator,
    lot: Lot, x: float, count: int,
) -> None:  # fmt: skip
    places = np.sort(rng.uniform(lot.start, lot.end, _TREES))[::-1].tolist()
    offsets = rng.uniform(1.8, 9.0, _TREES).tolist()
    seeds = rng.integers(1 << 31, size=_TREES).tolist()
    for z, offset, seed in list(zip(places, offsets, seeds, strict=True))[:count]:
        if z - camera.z > 2.0:
            looks = np.random.default_rng(seed)
            paint_tree(canvas, camera, street.city, looks, x + lot.side * offset, z - camera.z)


def _upright(camera: Camera, x: float, z0: float, z1: float, y0: float, y1: float) -> np.ndarray:
    return camera.polygon(np.array([[x, y0, z0], [x, y1, z0], [x, y1, z1], [x, y0, z1]]))


def _wall(
    canvas: Canvas, camera: Camera, street: Street, rng: np.random.Generator,
    x: float, z0: float, z1: float,
) -> None:  # fmt: skip
    height = float(rng.uniform(1.6, 3.2))
    stone = (148.0, 144.0, 138.0)
    color = vary(rng, pick(rng, (stone, stone, *street.city.facades)), 0.08)
    material = (STONE, BRICK, PLASTER)[int(rng.integers(3))]
    middle = max(2.0, (z0 + z1) / 2)
    gain = canvas.light.side(x)
    tone = canvas.light.tone(color, middle, gain * 0.92)
    end = np.array([[x, 0, z0], [x, height, z0], [x * 1.06, height, z0], [x * 1.06, 0, z0]])
    face = _upright(camera, x, z0, z1, 0, height)
    if z0 > NEAR:
        canvas.paint("wall", camera.project(end), tone, material)
    canvas.paint("wall", face, tone, material)
    coping = _upright(camera, x, z0, z1, height - 0.15, height)
    canvas.fill(coping, canvas.light.tone(color, middle, gain * 1.12), PLAIN)
    if rng.random() < 0.35 and z0 > NEAR:  # graffiti
        start = z0 + (z1 - z0) * float(rng.uniform(0.1, 0.5))
        spray = _upright(camera, x, start, start + 3.0, 0.4, min(1.7, height - 0.3))
        r, g, b = rng.uniform(40, 220, 3).tolist()
        canvas.blend(spray, (r, g, b), 0.45)


def _fence(
    canvas: Canvas, camera: Camera, street: Street, rng: np.random.Generator,
    x: float, z0: float, z1: float,
) -> None:  # fmt: skip
    height = float(rng.uniform(1.0, 2.2))
    wood: Color = (134.0, 104.0, 78.0)
    color = vary(rng, pick(rng, (street.city.metal, street.city.metal, wood)), 0.1)
    near = max(z0, NEAR)
    middle = max(2.0, (near + z1) / 2)
    tone = canvas.light.tone(color, middle, canvas.light.side(x))
    face = _upright(camera, x, near, z1, 0, height)
    canvas.blend(face, tone, float(rng.uniform(0.25, 0.55)))  # one can see through it
    step = float(rng.uniform(0.22, 0.6))
    thick = camera.scale(middle)
    canvas.lines(_pickets(camera, x, near, z1, step, height), tone, 0.05 * thick)
    for y in (0.15, height - 0.08):
        rail = camera.project(np.array([[[x, y, near], [x, y, z1]]], np.float64))
        canvas.lines(rail, tone, 0.07 * thick)
    post = canvas.light.tone(color, middle, canvas.light.side(x) * 0.7)
    canvas.lines(_pickets(camera, x, near, z1, 3.0, height + 0.05), post, 0.1 * thick)
    canvas.add("fence", face)


def _pickets(
    camera: Camera, x: float, z0: float, z1: float, step: float, height: float
) -> np.ndarray:
    """Return uprights every `step` metres of the street, fixed to it: [N, 2, 2] pixels."""
    first = np.ceil((z0 + camera.z) / step) * step
    z = np.arange(first, z1 + camera.z, step) - camera.z
    points = np.zeros((len(z), 2, 3))
    points[..., 0], points[..., 2] = x, z[:, None]
    points[:, 1, 1] = height
    return camera.project(points)

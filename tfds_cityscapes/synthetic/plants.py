"""Paint trees, hedges and bushes."""

from __future__ import annotations

import numpy as np

from tfds_cityscapes.synthetic.camera import Camera
from tfds_cityscapes.synthetic.canvas import Canvas, circle
from tfds_cityscapes.synthetic.cities import City, vary
from tfds_cityscapes.synthetic.texture import LEAVES, PLAIN

_TUFTS = 30


_CIRCLE, _HEPTAGON = circle(18), circle(7)


def _crown(rng: np.random.Generator, roughness: float) -> np.ndarray:
    """Return a closed, bumpy outline [18, 2] of about unit radius."""
    return _CIRCLE * (1 + roughness * rng.standard_normal((len(_CIRCLE), 1)))


def _foliage(
    canvas: Canvas, rng: np.random.Generator, center: np.ndarray, radii: np.ndarray,
    color: tuple[float, float, float], z: float,
) -> np.ndarray:  # fmt: skip
    """Paint one crown, dark below and with light tufts above; return its outline."""
    light = canvas.light
    outline = center + _crown(rng, 0.11) * radii
    canvas.fill(outline, light.tone(color, z, 0.72), LEAVES)
    if radii[1] < 5.0:  # pixels
        return outline
    places = rng.uniform(-0.75, 0.75, (_TUFTS, 2))
    facing = -places[:, 1] + 0.5 * light.sun_side * places[:, 0] + rng.normal(0, 0.2, _TUFTS)
    places = places[np.argsort(facing)]
    sizes = rng.uniform(0.16, 0.34, (_TUFTS, 1, 1))
    radius = rng.uniform(0.75, 1.25, (_TUFTS, len(_HEPTAGON), 1))
    bits = center + (_HEPTAGON * radius * sizes + places[:, None]) * radii
    # Painted in three passes; where tufts of one pass overlap, the fill leaves gaps, as leaves do.
    for chosen, gain in zip(np.split(bits, 3), (0.62, 0.88, 1.14), strict=True):
        canvas.fill(chosen, light.tone(color, z, gain))
    return outline


def paint_tree(
    canvas: Canvas, camera: Camera, city: City, rng: np.random.Generator, x: float, z: float
) -> None:
    """Paint a tree whose trunk is at (x, z): trunk and crown are both vegetation."""
    u, v = camera.foot(x, z)
    unit = camera.scale(z)
    height = float(rng.uniform(4.5, 10.0))
    radius = float(rng.uniform(1.3, 2.6))
    slim = rng.random() < 0.2
    if slim:
        radius *= 0.55
    trunk_top = height * float(rng.uniform(0.32, 0.5))
    half = float(rng.uniform(0.09, 0.2))
    trunk = np.array([[-half, 0], [-half * 0.8, trunk_top], [half * 0.8, trunk_top], [half, 0]])
    trunk = np.array([u, v]) + trunk * unit * (1.0, -1.0)
    bark = vary(rng, (92, 80, 68), 0.15)
    canvas.paint("vegetation", trunk, canvas.light.tone(bark, z, 0.85), PLAIN)
    middle = np.array([u, v - unit * (trunk_top + height) / 2 * 1.02])
    radii = np.array([radius, (height - trunk_top) / 2 * 1.15]) * unit
    leaves = vary(rng, city.leaves, 0.1)
    canvas.add("vegetation", _foliage(canvas, rng, middle, radii, leaves, z))


def paint_bush(
    canvas: Canvas, camera: Camera, city: City, rng: np.random.Generator, x: float, z: float
) -> None:
    """Paint a bush on the ground at (x, z)."""
    u, v = camera.foot(x, z)
    unit = camera.scale(z)
    radii = np.array([rng.uniform(0.5, 1.2), rng.uniform(0.4, 0.8)]) * unit
    leaves = vary(rng, city.leaves, 0.1)
    center = np.array([u, v - 0.8 * radii[1]])
    canvas.add("vegetation", _foliage(canvas, rng, center, radii, leaves, z))


def paint_hedge(
    canvas: Canvas, camera: Camera, city: City, rng: np.random.Generator,
    x: float, z0: float, z1: float, height: float,
) -> None:  # fmt: skip
    """Paint a hedge along the street, from z0 to z1 metres ahead, `height` metres high."""
    count = 10
    z = np.linspace(z0, z1, count)
    top = height * (1 + 0.08 * rng.standard_normal(count))
    low = np.stack([np.full(count, x), np.zeros(count), z], axis=1)
    high = np.stack([np.full(count, x), top, z], axis=1)
    outline = camera.polygon(np.concatenate([low, high[::-1]]))
    middle = max(2.0, (z0 + z1) / 2)
    tone = canvas.light.tone(vary(rng, city.leaves, 0.08), middle, canvas.light.side(x) * 0.9)
    if len(outline) > 2:
        canvas.paint("vegetation", outline, tone, LEAVES)

"""Paint the sky with its clouds, and the far end of the street below it."""

from __future__ import annotations

import numpy as np

from tfds_cityscapes.synthetic.camera import Camera
from tfds_cityscapes.synthetic.canvas import Canvas
from tfds_cityscapes.synthetic.street import Street
from tfds_cityscapes.synthetic.texture import LEAVES, PLAIN, PLASTER, cloud_field


def paint_sky(canvas: Canvas, camera: Camera, street: Street, rng: np.random.Generator) -> None:
    """Paint everything down to the horizon as sky."""
    light = street.light
    rows = min(canvas.image.shape[0], max(1, int((camera.horizon + 2) * canvas.scale)))
    columns = canvas.image.shape[1]
    height = (np.linspace(0.0, 1.0, rows) ** 1.3).astype(np.float32)[:, None, None]
    top, low = (np.array(c, np.float32) for c in (light.sky_top, light.sky_low))
    colors = top + (low - top) * height
    if light.clouds > 0.05:
        cover = cloud_field(rng, (rows, columns)) * 0.35 + light.clouds - 0.35
        opacity = (np.clip(cover, 0, 1) * 0.85)[..., None]
        white = np.array([240, 240, 242], np.float32) * np.array(light.tint, np.float32)
        if light.clouds > 0.7:
            white = white * 0.86
        colors = colors + (white - colors) * opacity
    canvas.image[:rows] = np.clip(colors, 0, 255).astype(np.uint8)
    w, h = canvas.width, camera.horizon + 2
    canvas.add("sky", np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float64))


def paint_backdrop(
    canvas: Canvas, camera: Camera, street: Street, rng: np.random.Generator
) -> None:
    """Paint the view along the horizon: far trees, far houses, and clutter."""
    light, city = street.light, street.city
    unit = camera.focal / 120.0  # pixels per metre, 120 m away
    width, base = canvas.width, camera.horizon + 1.5
    edge = -0.2 * width
    while edge < 1.2 * width:
        wide = float(rng.uniform(18, 48)) * unit
        if rng.random() < 0.45:
            high = float(rng.uniform(8, 20)) * unit
            corners = [
                [edge, base], [edge, base - high],
                [edge + wide, base - high], [edge + wide, base],
            ]  # fmt: skip
            color = city.facades[int(rng.integers(len(city.facades)))]
            tone = light.tone(color, 110.0, light.front)
            canvas.paint("building", np.array(corners), tone, PLASTER)
        else:
            crown = float(rng.uniform(6, 13)) * unit
            columns = np.linspace(edge - 0.1 * wide, edge + 1.1 * wide, 9)
            bulge = np.sin(np.linspace(0.15, np.pi - 0.15, 9)) * crown * rng.uniform(0.75, 1.1, 9)
            outline = np.stack([columns, base - bulge], axis=1)
            outline = np.concatenate([outline, [[columns[-1], base], [columns[0], base]]])
            canvas.paint("vegetation", outline, light.tone(city.leaves, 110.0, 0.8), LEAVES)
        edge += wide * float(rng.uniform(0.5, 1.0))
    middle = camera.center + 0.5 * camera.curve * camera.focal * 120.0
    clutter = np.array([[-9.0, 0.0], [-7.0, -2.5], [-1.0, -3.5], [6.0, -2.5], [8.0, 0.0]]) * unit
    tone = light.tone((110, 110, 112), 120.0)
    canvas.paint("unlabeled", clutter + np.array([middle, base]), tone, PLAIN)

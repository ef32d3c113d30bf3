"""Paint everything flat: road, markings, kerbs, sidewalks, grass, rails and shadows."""

from __future__ import annotations

import cv2
import numpy as np

from tfds_cityscapes.synthetic.camera import FAR, Camera
from tfds_cityscapes.synthetic.canvas import Canvas, circle
from tfds_cityscapes.synthetic.cities import Color
from tfds_cityscapes.synthetic.street import Street
from tfds_cityscapes.synthetic.texture import ASPHALT, GRASS, PAVING, PLAIN

_STEPS = {count: np.linspace(0.0, 1.0, count) for count in (2, 8)}
_WIDE = 160.0  # metres to the side: farther than any picture shows


def strip(camera: Camera, x0: float, x1: float, z0: float, z1: float) -> np.ndarray:
    """Return the ground between two lateral places and two distances (m): [N, 2] pixels."""
    z0, z1 = max(z0, camera.nearest_ground()), min(z1, FAR * 4)
    if z1 <= z0:
        return np.zeros((0, 2))
    count = 2 if z1 - z0 < 6 or camera.curve == 0 else 8
    z = z0 * (z1 / z0) ** _STEPS[count]
    points = np.zeros((2 * count, 3))
    points[:count, 0], points[count:, 0] = x0, x1
    points[:count, 2], points[count:, 2] = z, z[::-1]
    return camera.project(points)


def paint_ground(canvas: Canvas, camera: Camera, street: Street, shadows: list[np.ndarray]) -> None:
    """Paint the ground from the camera to the horizon, then the shadows on it.

    Args:
      canvas: with its sky.
      camera: of this frame.
      street: to paint.
      shadows: polygons [N, 2] in pixels, from `shadow` and the like.
    """
    city, light = street.city, street.light
    near, far = camera.nearest_ground(), FAR * 4

    def flat(name: str, polygon: np.ndarray, color: Color, material: int) -> None:
        if len(polygon):
            canvas.paint(name, polygon, light.tone(color, 8.0, light.top * 0.95), material)

    suburb = city.family.verge > 0.3
    for side in (-1, 1):
        base = strip(camera, 0.0, side * _WIDE, near, far)
        if suburb:
            flat("terrain", base, city.grass, GRASS)
        else:
            flat("sidewalk", base, city.paving, PAVING)
    half = street.half_width
    for side in (-1, 1):
        k = 0 if side < 0 else 1
        inner = half + street.verge[k]
        sidewalk = strip(camera, side * inner, street.edge(side), near, far)
        flat("sidewalk", sidewalk, city.paving, PAVING)
        if street.verge[k] > 0:
            flat("terrain", strip(camera, side * half, side * inner, near, far), city.grass, GRASS)
        kerb = strip(camera, side * half, side * (half + 0.22), near, FAR)
        canvas.fill(kerb, light.tone(city.paving, 6.0, light.top * 1.15), PLAIN)
        if street.verge[k] > 0:
            canvas.add("sidewalk", kerb)
    flat("road", strip(camera, -half, half, near, far), city.asphalt, ASPHALT)
    for start, stop in street.crossings:
        for x0, x1 in ((-_WIDE, -half), (half, _WIDE)):
            across = strip(camera, x0, x1, start - camera.z, stop - camera.z)
            flat("road", across, city.asphalt, ASPHALT)
    if street.rails:
        _rails(canvas, camera, street)
    _markings(canvas, camera, street)
    _shade(canvas, camera, shadows, light.shadow)


def _rails(canvas: Canvas, camera: Camera, street: Street) -> None:
    near = camera.nearest_ground()
    middle = -street.lane * 0.5
    bed = strip(camera, middle - 1.3, middle + 1.3, near, FAR)
    tone = street.light.tone
    canvas.paint("rail track", bed, tone(street.city.paving, 8.0, 0.8), PAVING)
    for x in (middle - 0.75, middle + 0.65):
        canvas.fill(strip(camera, x, x + 0.1, near, FAR), tone((176, 178, 182), 8.0), PLAIN)


def _markings(canvas: Canvas, camera: Camera, street: Street) -> None:
    white = street.light.tone(street.city.marking, 8.0, street.light.top * 0.92)
    near = camera.nearest_ground()
    edge = street.lanes * street.lane
    if edge < street.half_width - 1.5:
        for x in (-edge, edge):
            canvas.fill(strip(camera, x - 0.06, x + 0.06, near, FAR), white)
    lines = [0.0] + [side * k * street.lane for side in (-1, 1) for k in range(1, street.lanes)]
    for x in lines:
        if street.rails and x == 0.0:
            continue
        dash = 9.0 if x == 0.0 else 7.0
        first = int((camera.z + near) // dash)
        for n in range(first, first + 9):
            start = n * dash
            if not street.at_crossing(start + 2, 2.0):
                part = strip(camera, x - 0.08, x + 0.08, start - camera.z, start + 4 - camera.z)
                canvas.fill(part, white)
    for start, _ in street.crossings:
        z0, z1 = start - 3.0 - camera.z, start - 0.6 - camera.z
        if near < z1 and z0 < 45:
            x = -street.half_width + 0.3
            while x < street.half_width - 0.5:
                canvas.fill(strip(camera, x, x + 0.5, z0, z1), white)
                x += 1.0


def shadow(
    camera: Camera, street: Street, x: float, z: float, height: float, width: float
) -> np.ndarray:
    """Return the shadow on the ground of something upright: [4, 2] pixels, empty if behind."""
    if z < camera.nearest_ground() * 0.6 + 0.5:
        return np.zeros((0, 2))
    reach = -street.light.sun_side * height * street.light.shadow_length
    points = np.array([
        [x - 0.2 * reach, 0, z - width / 2], [x + reach, 0, z - width / 2],
        [x + reach, 0, z + width / 2], [x - 0.2 * reach, 0, z + width / 2],
    ])  # fmt: skip
    return camera.polygon(points)


def blot(camera: Camera, x: float, z: float, wide: float, deep: float) -> np.ndarray:
    """Return the dark patch under a vehicle or a person: [8, 2] pixels, empty if too close."""
    if z - deep / 2 < 0.8:
        return np.zeros((0, 2))
    points = np.zeros((8, 3))
    points[:, 0] = x + circle(8)[:, 0] * wide * 0.6
    points[:, 2] = z + circle(8)[:, 1] * deep * 0.6
    return camera.project(points)


def _shade(canvas: Canvas, camera: Camera, shadows: list[np.ndarray], gain: float) -> None:
    top = max(0, int(camera.horizon * canvas.scale))
    below = canvas.image[top:]
    if not shadows or not len(below):
        return
    mask = np.zeros(canvas.image.shape[:2], np.uint8)
    for polygon in shadows:  # one by one: together, overlaps would cancel out
        if len(polygon):
            cv2.fillPoly(mask, [canvas.fixed(polygon)], 255, cv2.LINE_8, 3)
    soft = cv2.blur(mask[top:], (2 * canvas.scale + 1, canvas.scale + 1))
    dark = 1.0 - min(gain, 0.8)  # even under clouds it is darker below a car
    factor = 1.0 - soft.astype(np.float32) * (dark / 255.0)
    canvas.image[top:] = (below * factor[..., None]).astype(np.uint8)

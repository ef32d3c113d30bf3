"""Paint persons, riders, bicycles and motorcycles as flat figures that face the camera."""

from __future__ import annotations

import numpy as np

from tfds_cityscapes.synthetic.camera import Camera
from tfds_cityscapes.synthetic.canvas import Canvas
from tfds_cityscapes.synthetic.cities import Color, vary
from tfds_cityscapes.synthetic.texture import CLOTH, METAL, PLAIN

_CLOTHES: tuple[Color, ...] = (
    (44, 46, 54), (70, 80, 104), (110, 108, 104), (150, 46, 44), (176, 168, 150), (52, 84, 70),
    (190, 150, 70), (92, 66, 52), (196, 196, 198), (120, 90, 120),
)  # fmt: skip
_SKIN: tuple[Color, ...] = ((222, 178, 150), (190, 140, 110), (120, 84, 64))
_CIRCLE = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 10, endpoint=False)])
KINDS = frozenset(
    {"person", "stroller", "cyclist", "motorcycle", "parked motorcycle", "bicycle", "bikes"}
)


class _Figure:
    """The parts of one object, in metres to the right of and above a place on the ground."""

    def __init__(self, canvas: Canvas, camera: Camera, x: float, z: float, squeeze: float = 1.0):
        self.canvas, self.z = canvas, z
        self.unit = camera.scale(z)
        self.foot = np.array(camera.foot(x, z))
        self.stretch = np.array([squeeze, -1.0]) * self.unit
        self.parts: list[np.ndarray] = []

    def part(self, points: list[tuple[float, float]] | np.ndarray, color: Color) -> None:
        polygon = self.foot + np.asarray(points, np.float64) * self.stretch
        self.canvas.fill(polygon, self.tone(color))
        self.parts.append(polygon)

    def limb(self, a: tuple[float, float], b: tuple[float, float], w: float, color: Color) -> None:
        (xa, ya), (xb, yb) = a, b
        wide = w / max(0.35, abs(self.stretch[0]) / self.unit)
        self.part([(xa - wide, ya), (xa + wide, ya), (xb + wide, yb), (xb - wide, yb)], color)

    def disc(self, x: float, y: float, rx: float, ry: float, color: Color) -> None:
        wide = rx * self.unit / abs(self.stretch[0])
        self.part(_CIRCLE * (wide, ry) + (x, y), color)

    def tone(self, color: Color, gain: float = 0.9) -> Color:
        return self.canvas.light.tone(color, self.z, gain)

    def finish(self, label: str, material: int, *, group: bool = False) -> None:
        if self.parts:
            self.canvas.add_union(label, self.parts, material, group=group)


def paint_figure(
    canvas: Canvas, camera: Camera, rng: np.random.Generator,
    kind: str, x: float, z: float, heading: float, stride: float,
) -> None:  # fmt: skip
    """Paint one of KINDS at (x, z).

    Args:
      canvas: to paint on.
      camera: of this frame.
      rng: draws its looks.
      kind: one of KINDS.
      x: metres from the centre line.
      z: metres ahead.
      heading: degrees; 0 = away from the camera, 90 = to the right.
      stride: -1 to 1, how far the legs are apart in this frame.
    """
    squeeze = 0.3 + 0.7 * abs(float(np.sin(np.deg2rad(heading))))
    flip = -1.0 if np.sin(np.deg2rad(heading)) < 0 else 1.0
    if kind == "person":
        _person(_Figure(canvas, camera, x, z), rng, stride)
    elif kind == "stroller":
        figure = _Figure(canvas, camera, x, z)
        color = vary(rng, _CLOTHES[int(rng.integers(len(_CLOTHES)))], 0.1)
        figure.part([(-0.3, 0.35), (-0.35, 0.95), (0.2, 1.0), (0.32, 0.35)], color)
        figure.disc(-0.2, 0.15, 0.13, 0.15, (30, 30, 32))
        figure.disc(0.22, 0.15, 0.13, 0.15, (30, 30, 32))
        figure.finish("dynamic", CLOTH)
    elif kind == "bikes":
        figure = _Figure(canvas, camera, x, z, 0.8 * flip)
        for k in range(int(rng.integers(3, 6))):
            _bicycle(figure, rng, 0.45 * k)
        figure.finish("bicycle", PLAIN, group=True)
    elif kind in ("bicycle", "cyclist"):
        figure = _Figure(canvas, camera, x, z, squeeze * flip)
        _bicycle(figure, rng, 0.0)
        figure.finish("bicycle", PLAIN)
        if kind == "cyclist":
            _rider(_Figure(canvas, camera, x, z, squeeze * flip), rng, stride)
    else:
        figure = _Figure(canvas, camera, x, z, max(0.4, squeeze) * flip)
        _motorcycle(figure, rng)
        figure.finish("motorcycle", METAL)
        if kind == "motorcycle":
            _rider(_Figure(canvas, camera, x, z, max(0.4, squeeze) * flip), rng, 0.3)


def _clothes(rng: np.random.Generator) -> tuple[Color, Color, Color, Color]:
    top, bottom = (vary(rng, _CLOTHES[int(n)], 0.12) for n in rng.integers(len(_CLOTHES), size=2))
    skin = _SKIN[int(rng.integers(len(_SKIN)))]
    hair = vary(rng, ((40, 32, 28), (110, 84, 56), (150, 148, 146))[int(rng.integers(3))], 0.1)
    return top, bottom, skin, hair


def _person(figure: _Figure, rng: np.random.Generator, stride: float) -> None:
    tall = float(rng.uniform(1.5, 1.9)) if rng.random() < 0.88 else float(rng.uniform(1.0, 1.35))
    top, bottom, skin, hair = _clothes(rng)
    k = tall / 1.75
    wide = float(rng.uniform(0.19, 0.26)) * k
    spread = 0.22 * stride * k
    hip = 0.86 * k
    if rng.random() < 0.18:  # skirt or coat
        figure.part(
            [(-0.2 * k, 0.4 * k), (-0.13 * k, hip), (0.13 * k, hip), (0.2 * k, 0.4 * k)], top
        )
    figure.limb((-0.09 * k - spread, 0.0), (-0.08 * k, hip), 0.085 * k, bottom)
    figure.limb((0.09 * k + spread, 0.0), (0.08 * k, hip), 0.085 * k, bottom)
    if figure.unit > 9:  # close enough for arms to show
        figure.limb((-wide - 0.03 + spread * 0.4, 0.8 * k), (-wide, 1.42 * k), 0.055 * k, top)
        figure.limb((wide + 0.03 - spread * 0.4, 0.8 * k), (wide, 1.42 * k), 0.055 * k, top)
    figure.part(
        [(-wide * 0.8, hip - 0.06), (-wide, 1.45 * k), (wide, 1.45 * k), (wide * 0.8, hip - 0.06)],
        top,
    )
    figure.disc(0.0, 1.6 * k, 0.105 * k, 0.14 * k, skin)
    figure.disc(0.0, 1.66 * k, 0.11 * k, 0.1 * k, hair)
    if rng.random() < 0.25:
        bag = _CLOTHES[int(rng.integers(len(_CLOTHES)))]
        figure.part(
            [(wide, 0.7 * k), (wide, 0.95 * k), (wide + 0.25, 0.95 * k), (wide + 0.25, 0.7 * k)],
            bag,
        )
    figure.finish("person", CLOTH)


def _rider(figure: _Figure, rng: np.random.Generator, stride: float) -> None:
    top, bottom, skin, hair = _clothes(rng)
    helmet = vary(rng, ((220, 220, 220), (40, 42, 48), (190, 50, 44))[int(rng.integers(3))], 0.1)
    figure.limb((0.05, 0.32 + 0.14 * stride), (-0.15, 0.95), 0.08, bottom)
    figure.limb((0.1, 0.32 - 0.14 * stride), (-0.1, 0.95), 0.08, bottom)
    figure.limb((-0.14, 0.88), (0.08, 1.42), 0.17, top)
    figure.limb((0.4, 1.02), (0.08, 1.36), 0.06, top)
    figure.disc(0.14, 1.56, 0.11, 0.14, skin)
    figure.disc(0.12, 1.63, 0.125, 0.1, helmet if rng.random() < 0.6 else hair)
    figure.finish("rider", CLOTH)


def _bicycle(figure: _Figure, rng: np.random.Generator, shift: float) -> None:
    frame = vary(rng, _CLOTHES[int(rng.integers(len(_CLOTHES)))], 0.15)
    rubber: Color = (34, 34, 36)
    for x in (-0.52, 0.52):
        _wheel(figure, x + shift, 0.34, rubber)
    for a, b in (
        ((-0.52, 0.34), (-0.15, 0.85)), ((-0.15, 0.8), (0.38, 0.85)), ((0.0, 0.32), (0.38, 0.8)),
        ((-0.18, 0.92), (0.0, 0.32)), ((0.52, 0.34), (0.38, 0.95)),
    ):  # fmt: skip
        figure.limb((a[0] + shift, a[1]), (b[0] + shift, b[1]), 0.035, frame)
    figure.limb((0.28 + shift, 0.98), (0.44 + shift, 1.0), 0.06, rubber)
    figure.limb((-0.3 + shift, 0.93), (-0.1 + shift, 0.97), 0.05, rubber)


def _wheel(figure: _Figure, x: float, radius: float, color: Color) -> None:
    """Paint a wheel that one can see through; its disc belongs to the object."""
    polygon = figure.foot + (_CIRCLE * radius + (x, radius)) * figure.stretch
    loop = np.concatenate([polygon, polygon[:1]])
    segments = np.stack([loop[:-1], loop[1:]], axis=1)
    figure.canvas.blend(polygon, figure.tone((96, 96, 98)), 0.25)
    figure.canvas.lines(segments, figure.tone(color), 0.06 * figure.unit)
    figure.parts.append(polygon)


def _motorcycle(figure: _Figure, rng: np.random.Generator) -> None:
    color = vary(
        rng,
        ((150, 30, 32), (36, 38, 42), (40, 70, 130), (200, 200, 200))[int(rng.integers(4))],
        0.1,
    )
    rubber: Color = (26, 26, 28)
    for x in (-0.66, 0.68):
        figure.disc(x, 0.32, 0.32 * max(0.4, abs(figure.stretch[0]) / figure.unit), 0.32, rubber)
    figure.part(
        [
            (-0.6, 0.45),
            (-0.8, 0.85),
            (0.0, 0.8),
            (0.35, 0.98),
            (0.6, 0.6),
            (0.25, 0.25),
            (-0.3, 0.25),
        ],
        color,
    )
    figure.part([(-0.85, 0.82), (-0.75, 0.92), (0.0, 0.84), (0.0, 0.76)], rubber)
    figure.limb((0.66, 0.32), (0.42, 1.08), 0.05, (120, 122, 124))
    figure.limb((0.3, 1.06), (0.45, 1.12), 0.1, rubber)
    figure.part([(-0.2, 0.28), (-0.2, 0.5), (0.25, 0.5), (0.25, 0.28)], (110, 112, 114))

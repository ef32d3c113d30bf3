"""Paint what stands on sidewalks: lamps, signs, traffic lights, bins and boxes."""

from __future__ import annotations

import numpy as np

from tfds_cityscapes.synthetic.camera import Camera
from tfds_cityscapes.synthetic.canvas import Canvas, circle
from tfds_cityscapes.synthetic.cities import City, Color, vary
from tfds_cityscapes.synthetic.texture import PLAIN


class _Board:
    """A plane that faces the camera, in metres to the right of and above a place on the ground."""

    def __init__(self, canvas: Canvas, camera: Camera, x: float, z: float):
        self.canvas, self.z = canvas, z
        self.unit = camera.scale(z)
        self.foot = np.array(camera.foot(x, z))

    def at(self, points: np.ndarray) -> np.ndarray:
        return self.foot + np.asarray(points, np.float64) * self.unit * (1.0, -1.0)

    def box(self, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
        return self.at(np.array([[x0, y0], [x0, y1], [x1, y1], [x1, y0]]))

    def disc(self, x: float, y: float, radius: float, corners: int = 10) -> np.ndarray:
        return self.at(circle(corners, np.pi / corners) * radius + (x, y))

    def tone(self, color: Color, gain: float = 0.92) -> Color:
        return self.canvas.light.tone(color, self.z, gain)

    def pole(self, color: Color, height: float, radius: float, x: float = 0.0) -> None:
        self.canvas.paint("pole", self.box(x - radius, 0, x + radius, height), self.tone(color))
        lit = x + radius * 0.4 * self.canvas.light.sun_side
        shine = self.box(lit - radius * 0.3, 0, lit + radius * 0.3, height)
        self.canvas.fill(shine, self.tone(color, 1.2))


def paint_furniture(
    canvas: Canvas, camera: Camera, city: City, rng: np.random.Generator,
    kind: str, x: float, z: float,
) -> None:  # fmt: skip
    """Paint one piece at (x, z): lamp, post, sign, board, signal, gantry, bin or box."""
    board = _Board(canvas, camera, x, z)
    metal = vary(rng, city.metal, 0.06)
    inward = -1.0 if x > 0 else 1.0
    if kind == "lamp":
        height = float(rng.uniform(5.0, 8.0))
        board.pole(metal, height, float(rng.uniform(0.06, 0.1)))
        arm = board.box(0, height - 0.12, inward * 1.3, height)
        canvas.paint("pole", arm, board.tone(metal))
        head = board.box(inward * 0.9, height - 0.2, inward * 1.6, height - 0.02)
        canvas.paint("pole", head, board.tone((206, 204, 196)))
    elif kind == "post":
        board.pole(metal, float(rng.uniform(0.9, 1.3)), 0.08)
    elif kind in ("sign", "board"):
        _sign(board, city, rng, metal, kind == "board")
    elif kind == "signal":
        height = float(rng.uniform(3.0, 3.6))
        board.pole(metal, height, 0.07)
        _lamps(board, rng, 0.0, height - 1.0, city)
    elif kind == "gantry":
        board.pole(metal, 5.6, 0.11)
        arm = board.box(0, 5.4, inward * 4.2, 5.6)
        canvas.paint("pole", arm, board.tone(metal))
        for place in (inward * 2.2, inward * 4.0):
            _lamps(board, rng, place, 4.5, city)
    else:
        _static(board, rng, kind)


def _lamps(board: _Board, rng: np.random.Generator, x: float, y: float, city: City) -> None:
    body = (38, 40, 42) if city.metal[0] < 120 else (58, 60, 44)
    half = 0.2
    board.canvas.paint(
        "traffic light", board.box(x - half, y, x + half, y + 1.05), board.tone(body)
    )
    lit = int(rng.integers(3))
    colors: tuple[Color, ...] = ((235, 60, 48), (245, 180, 50), (70, 225, 140))
    for k, color in enumerate(colors):
        disc = board.disc(x, y + 0.87 - 0.34 * k, 0.125, 8)
        shown = color if k == lit else (color[0] * 0.3, color[1] * 0.3, color[2] * 0.3)
        board.canvas.fill(disc, shown if k == lit else board.tone(shown))


def _sign(board: _Board, city: City, rng: np.random.Generator, metal: Color, large: bool) -> None:
    canvas = board.canvas
    height = float(rng.uniform(2.3, 3.0))
    gain = float(rng.uniform(0.8, 1.05))
    white, red, blue = (228, 228, 226), (190, 36, 38), (32, 84, 168)
    if rng.random() < 0.15:  # seen from behind
        white = red = blue = (128, 130, 132)
    if large:
        half = float(rng.uniform(0.6, 1.2))
        for x in (-half * 0.7, half * 0.7):
            board.pole(metal, height, 0.05, x)
        face = board.box(-half, height - 0.2, half, height + half * 0.9)
        canvas.paint("traffic sign", face, board.tone(city.sign_hue, gain))
        for k in range(2):
            y = height + 0.1 + k * half * 0.4
            text = board.box(-half * 0.8, y, half * float(rng.uniform(0, 0.8)), y + half * 0.18)
            canvas.fill(text, board.tone(white, gain))
        return
    board.pole(metal, height + 0.1, 0.045)
    radius = float(rng.uniform(0.34, 0.48))
    for y in (height, height - 2.1 * radius)[: 1 + int(rng.random() < 0.35)]:
        style = int(rng.integers(4))
        if style == 0:  # prohibition
            canvas.paint("traffic sign", board.disc(0, y, radius), board.tone(red, gain))
            canvas.fill(board.disc(0, y, radius * 0.68), board.tone(white, gain))
        elif style == 1:  # command
            canvas.paint("traffic sign", board.disc(0, y, radius), board.tone(blue, gain))
            canvas.fill(board.box(-0.06, y - 0.2, 0.06, y + 0.2), board.tone(white, gain))
        elif style == 2:  # warning
            corners = np.array([[-1.0, -0.7], [0.0, 1.0], [1.0, -0.7]]) * radius
            canvas.paint(
                "traffic sign", board.at(corners + np.array([0, y])), board.tone(red, gain)
            )
            canvas.fill(board.at(corners * 0.62 + np.array([0, y])), board.tone(white, gain))
        else:  # square
            square = board.box(-radius, y - radius, radius, y + radius)
            canvas.paint("traffic sign", square, board.tone(blue, gain))
            inner = board.box(-radius * 0.5, y - radius * 0.6, radius * 0.5, y + radius * 0.4)
            canvas.fill(inner, board.tone(white, gain))


def _static(board: _Board, rng: np.random.Generator, kind: str) -> None:
    color = vary(rng, ((88, 92, 90), (60, 88, 70), (150, 60, 48))[int(rng.integers(3))], 0.15)
    half, height = (0.28, 1.0) if kind == "bin" else (0.5, float(rng.uniform(1.1, 1.7)))
    board.canvas.paint("static", board.box(-half, 0, half, height), board.tone(color), PLAIN)
    lid = board.box(-half, height * 0.86, half, height)
    board.canvas.fill(lid, board.tone(color, 0.6))

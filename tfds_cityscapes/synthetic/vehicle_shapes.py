"""The shapes of vehicles: tapered boxes, axles, colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfds_cityscapes.synthetic.cities import Color


@dataclass(frozen=True)
class Part:
    """A box that may taper upwards. Lengths in metres; s runs from the tail (-) to the nose (+)."""

    tail: tuple[float, float]  # s of the lower and the upper edge
    nose: tuple[float, float]
    y: tuple[float, float]
    half: tuple[float, float]  # half width below and above
    glass: tuple[float, float] | None  # lower and upper share of the height with windows
    panes: int = 2  # windows per side
    own_color: bool = True  # False: a cargo box or a tarpaulin in another colour


@dataclass(frozen=True)
class Shape:
    label: str
    parts: tuple[Part, ...]
    wheels: tuple[float, ...]  # s of the axles
    radius: float
    colors: tuple[Color, ...]


_PAINT: tuple[Color, ...] = (
    (32, 34, 38), (70, 74, 80), (128, 132, 136), (186, 188, 190), (222, 222, 220),
    (150, 34, 34), (38, 62, 116), (96, 104, 88), (170, 150, 120),
)  # fmt: skip


def _car(rng: np.random.Generator) -> Shape:
    long = float(rng.uniform(1.9, 2.3))
    high = float(rng.uniform(1.4, 1.62))
    estate = rng.random() < 0.45
    body = Part((-long, -long * 0.97), (long, long * 0.94), (0.28, 0.88), (0.88, 0.86), None)
    tail = (-long * 0.95, -long * 0.82) if estate else (-long * 0.72, -long * 0.42)
    cabin = Part(tail, (long * 0.45, long * 0.12), (0.88, high), (0.84, 0.64), (0.08, 0.86))
    return Shape("car", (body, cabin), (-long * 0.6, long * 0.62), 0.32, _PAINT)


def _van(rng: np.random.Generator) -> Shape:
    high = float(rng.uniform(1.9, 2.3))
    body = Part((-2.4, -2.4), (2.4, 2.3), (0.3, 1.05), (0.95, 0.95), None)
    top = Part((-2.4, -2.3), (1.7, 1.1), (1.05, high), (0.95, 0.82), (0.1, 0.7), 3)
    return Shape("car", (body, top), (-1.5, 1.5), 0.34, _PAINT)


def _truck(rng: np.random.Generator) -> Shape:
    long = float(rng.uniform(3.0, 4.2))
    high = float(rng.uniform(2.8, 3.5))
    cargo = Part((-long, -long), (long * 0.5, long * 0.5), (0.95, high), (1.2, 1.2), None, 0, False)
    chassis = Part((-long, -long), (long, long), (0.5, 0.95), (1.0, 1.0), None)
    cab = Part(
        (long * 0.55, long * 0.55), (long, long * 0.92), (0.6, 2.6), (1.15, 1.05), (0.5, 0.88), 1
    )
    return Shape(
        "truck", (chassis, cab, cargo), (-long * 0.7, -long * 0.4, long * 0.75), 0.48, _PAINT
    )


def _bus(rng: np.random.Generator) -> Shape:
    colors: tuple[Color, ...] = ((206, 168, 56), (160, 44, 40), (214, 212, 206), (60, 110, 150))
    body = Part((-5.6, -5.6), (5.6, 5.5), (0.35, 3.0), (1.25, 1.2), (0.38, 0.82), 7)
    return Shape("bus", (body,), (-3.4, 3.4), 0.5, colors)


def _train(rng: np.random.Generator) -> Shape:
    colors: tuple[Color, ...] = ((196, 52, 44), (210, 206, 190), (70, 120, 96), (214, 180, 70))
    cars = tuple(
        Part((s - 4.4, s - 4.4), (s + 4.4, s + 4.2), (0.3, 3.3), (1.2, 1.15), (0.42, 0.78), 5)
        for s in (-9.2, 0.0)
    )
    roof = Part((-12.5, -12.5), (3.5, 3.5), (3.3, 3.65), (0.7, 0.6), None, 0, False)
    return Shape("train", (*cars, roof), (), 0.0, colors)


MAKERS: dict[str, Callable[[np.random.Generator], Shape]] = {
    "car": _car,
    "van": _van,
    "truck": _truck,
    "bus": _bus,
    "train": _train,
}

"""Line charts of a campaign as coordinates, which the page's template draws as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.contracts.page.colors import SERIES
from components.contracts.process.words import counted

Point = tuple[int, float]  # labeled images, a fraction
Span = tuple[int, float, float]  # labeled images, and two fractions


@dataclass(frozen=True)
class Mark:
    """One point: where it is drawn, and what it says."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Line:
    """One curve."""

    name: str
    color: str
    marks: Sequence[Mark]

    @property
    def points(self) -> str:
        """The points as SVG's polyline takes them."""
        return " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in self.marks)


@dataclass(frozen=True)
class Tick:
    """A value beside an axis."""

    at: float
    words: str


@dataclass(frozen=True)
class Chart:
    """A chart of `width` by `height`; the axes leave room for their values.

    Attributes:
      title: above it.
      lines: the curves.
      level: where a horizontal line is drawn; None draws none.
      band: the corners of an area behind the curves as SVG's polygon takes them; empty without one.
      across, up: the values on the axes.
    """

    title: str
    width: int
    height: int
    lines: Sequence[Line]
    level: Tick | None
    band: str
    across: Sequence[Tick]
    up: Sequence[Tick]


def chart(
    title: str,
    curves: Mapping[str, Sequence[Point]],
    size: tuple[int, int],
    top: float,
    level: float | None = None,
    band: Sequence[Span] = (),
) -> Chart:
    """Lay curves out.

    Args:
      title: of the chart.
      curves: by name, points in the order of the cycles.
      size: width and height.
      top: the largest value of the vertical axis, a fraction above 0.
      level: a value to draw a horizontal line at.
      band: an area behind the curves, in the order of its labels; it may reach beyond them.
    """
    width, height = size
    labeled = [labels for points in curves.values() for labels, _ in points]
    labeled += [labels for labels, _, _ in band]
    low, high = (min(labeled), max(labeled)) if labeled else (0, 1)
    left, right, bottom = 40, 14, 22

    def x(labels: int) -> float:
        share = (labels - low) / (high - low) if high > low else 0.5
        return left + share * (width - left - right)

    def y(value: float) -> float:
        return 8 + (1 - value / top) * (height - bottom - 8)

    lines = [
        Line(
            name,
            SERIES[number % len(SERIES)],
            [
                Mark(
                    x(labels),
                    y(value),
                    f"{name}: {100 * value:.1f} % with {counted(labels, 'label')}",
                )
                for labels, value in points
            ],
        )
        for number, (name, points) in enumerate(curves.items())
    ]
    corners = [(labels, upper) for labels, _, upper in band]
    corners += [(labels, lower) for labels, lower, _ in reversed(band)]
    return Chart(
        title,
        width,
        height,
        lines,
        None if level is None else Tick(y(level), f"{100 * level:.1f}"),
        " ".join(f"{x(labels):.1f},{y(value):.1f}" for labels, value in corners),
        [Tick(x(labels), str(labels)) for labels in dict.fromkeys((low, high))] if labeled else [],
        [Tick(y(top * part), f"{100 * top * part:.0f}") for part in (0, 0.5, 1)],
    )


def axis_top(values: Sequence[float]) -> float:
    """Return the top of an axis: the next tenth above all values, at least 0.1."""
    return min(1.0, max(0.1, (int(10 * max(values, default=0.0)) + 1) / 10))

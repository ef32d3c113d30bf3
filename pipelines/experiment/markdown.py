"""Tables in Markdown, and how their cells show means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

NONE = "–"  # in a cell without a value


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; all columns but the first are set to the right."""
    marks = ["---", *["---:"] * (len(heads) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows)]


class Interval(Protocol):
    """A mean and the ends of its interval; no ends for a single value."""

    @property
    def mean(self) -> float: ...

    @property
    def low(self) -> float | None: ...

    @property
    def high(self) -> float | None: ...


def plus_minus(mean: float | None, width: float | None, digits: int = 2) -> str:
    """Return mean ± width; only the mean if the width is None; a dash if the mean is None."""
    if mean is None:
        return NONE
    return f"{mean:.{digits}f}" + ("" if width is None else f" ± {width:.{digits}f}")


def interval(values: Interval | None, digits: int = 2) -> str:
    """Return mean [low, high], signed; only the mean if there are no ends; a dash for None."""
    if values is None:
        return NONE
    if values.low is None or values.high is None:
        return f"{values.mean:+.{digits}f}"
    return f"{values.mean:+.{digits}f} [{values.low:+.{digits}f}, {values.high:+.{digits}f}]"

"""Regions of an image: tiles of a grid of equal parts, at whatever size the image or its mask has.

A tile covers the same part of the image at every size: its edges are the shares r / rows and c / columns
of the height and the width, rounded down to whole pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ConfigDict

from components.contracts.process.errors import StreetloopError

if TYPE_CHECKING:
    import numpy as np

_TEXT = re.compile(r"(\d{1,9}(?:, \d{1,9})*) of (\d{1,9})x(\d{1,9})", re.ASCII)
_BETWEEN = "; "  # the tiles of two grids


class Box(NamedTuple):
    """A rectangle in pixels: from `top` and `left`, up to but without `bottom` and `right`."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The rectangle as an index of an array [H, W, ...]."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True, slots=True)
class Tiles:
    """Some tiles of one grid, by their numbers: sorted, row by row, from 0.

    Raises:
      ValueError: the grid is empty, or a number is not one of its tiles, or they are not sorted.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    rows: int
    columns: int
    numbers: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check the numbers: they come from files as well."""
        if self.rows < 1 or self.columns < 1:
            raise ValueError(f"a grid of {self.rows} x {self.columns} has no tiles")
        if list(self.numbers) != sorted(set(self.numbers)):
            raise ValueError(f"expected sorted numbers of tiles, got {self.numbers}")
        if self.numbers and not 0 <= self.numbers[0] <= self.numbers[-1] < self.size:
            raise ValueError(
                f"expected numbers of tiles from 0 to {self.size - 1}, got {self.numbers}"
            )

    def __str__(self) -> str:
        """Return the numbers and the grid: "3, 17 of 4x8"."""
        return f"{', '.join(map(str, self.numbers))} of {self.rows}x{self.columns}"

    @classmethod
    def parse(cls, text: str | None) -> Tiles | None:
        """Return the tiles that `str` wrote as this text; None if it is no such text."""
        found = _TEXT.fullmatch(text or "")
        if found is None:
            return None
        numbers, rows, columns = found.groups()
        try:
            return cls(int(rows), int(columns), tuple(map(int, numbers.split(", "))))
        except ValueError:
            return None

    @property
    def size(self) -> int:
        """How many tiles the grid has."""
        return self.rows * self.columns

    @property
    def share(self) -> float:
        """The share of the image that the tiles cover, in [0, 1]."""
        return len(self.numbers) / self.size

    def of(self, numbers: Iterable[int]) -> Tiles:
        """Return these tiles of the same grid."""
        return Tiles(self.rows, self.columns, tuple(sorted(set(numbers))))

    def without(self, other: Tiles | None) -> Tiles:
        """Return the tiles that no tile of `other` touches; None covers the whole image."""
        touched = _touched(self.rows, self.columns, other or WHOLE)
        return self.of(number for number in self.numbers if number not in touched)

    def within(self, *others: Tiles | None) -> Tiles:
        """Return the tiles that a tile of one of `others` touches; None covers the whole image."""
        rest = self
        for other in others:
            rest = rest.without(other)
        return self.without(rest)

    def boxes(self, size: tuple[int, int]) -> list[Box]:
        """Return each tile in pixels of an image of (height, width).

        Raises:
          StreetloopError: the image has fewer pixels than the grid has rows or columns.
        """
        height, width = size
        if height < self.rows or width < self.columns:
            raise StreetloopError(
                f"An image of {height}x{width} pixels (height x width) cannot be divided into "
                f"{self.rows}x{self.columns} regions. Set query.region_grid to fewer."
            )
        places = (divmod(number, self.columns) for number in self.numbers)
        return [
            Box(
                r * height // self.rows,
                c * width // self.columns,
                (r + 1) * height // self.rows,
                (c + 1) * width // self.columns,
            )
            for r, c in places
        ]

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        """Return which pixels of an image of (height, width) the tiles cover: bool [H, W]."""
        import numpy as np  # not above: reading a ledger needs no NumPy

        mask = np.zeros(size, bool)
        for box in self.boxes(size):
            mask[box.window] = True
        return mask


WHOLE = Tiles(1, 1, (0,))


def grid(rows: int, columns: int) -> Tiles:
    """Return all tiles of a grid."""
    return Tiles(rows, columns, tuple(range(rows * columns)))


def merged(parts: Iterable[Tiles]) -> tuple[Tiles, ...]:
    """Return what the parts cover together, with the tiles of one grid as one part."""
    numbers: dict[tuple[int, int], set[int]] = {}
    for part in parts:
        numbers.setdefault((part.rows, part.columns), set()).update(part.numbers)
    return tuple(Tiles(*of, tuple(sorted(found))) for of, found in sorted(numbers.items()))


def mask_of(parts: Iterable[Tiles], size: tuple[int, int]) -> np.ndarray:
    """Return which pixels of an image of (height, width) the parts cover: bool [H, W]."""
    import numpy as np

    mask = np.zeros(size, bool)
    for part in parts:
        mask |= part.mask(size)
    return mask


def text_of(parts: Iterable[Tiles]) -> str:
    """Return the tiles of several grids as a text: "3, 17 of 4x8; 2 of 3x1"."""
    return _BETWEEN.join(map(str, parts))


def parse_parts(text: str | None) -> tuple[Tiles, ...]:
    """Return the tiles that `text_of` wrote as this text; nothing if it is no such text."""
    parts = [Tiles.parse(part) for part in (text or "").split(_BETWEEN)]
    found = tuple(part for part in parts if part is not None)
    return found if len(found) == len(parts) else ()


def share_of(parts: Iterable[Tiles]) -> float:
    """Return the share of the image that parts of an image cover; those of two grids do not overlap."""
    return min(1.0, sum(part.share for part in merged(parts)))


def _touched(rows: int, columns: int, other: Tiles) -> set[int]:
    """Return the numbers of the tiles of a grid that share a part of the image with other tiles, exactly."""
    touched: set[int] = set()
    for number in other.numbers:
        row, column = divmod(number, other.columns)
        for r in _overlapping(row, other.rows, rows):
            touched.update(r * columns + c for c in _overlapping(column, other.columns, columns))
    return touched


def _overlapping(other: int, others: int, parts: int) -> range:
    """Return which of `parts` equal parts of a line overlap part `other` of `others` equal parts."""
    return range(other * parts // others, -(-(other + 1) * parts // others))

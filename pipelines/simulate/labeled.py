"""What a trial has labeled so far: whole images, and regions of others."""

from __future__ import annotations

from collections.abc import Sequence

from components.contracts.regions.tiles import Tiles


class Labeled:
    """Labeled images and regions, by the names under which a query asks for them.

    Attributes:
      names: of all that was asked for, the first choice first: an image's id, or id#number of a region.
      parts: the labeled tiles of each image by id; None where the whole image is labeled.
    """

    def __init__(self, grid: Tiles) -> None:
        """Begin with nothing labeled.

        Args:
          grid: all regions of an image.
        """
        self._grid = grid
        self.names: list[str] = []
        self.parts: dict[str, Tiles | None] = {}

    def add(self, names: Sequence[str]) -> None:
        """Label what a query asked for."""
        self.names += names
        for name in names:
            image_id, _, number = name.partition("#")
            if not number:
                self.parts[image_id] = None
                continue
            known = self.parts.get(image_id, self._grid.of(()))
            assert known is not None, "a query asks for free regions"
            self.parts[image_id] = self._grid.of((*known.numbers, int(number)))

    def free(self, image_id: str) -> tuple[int, ...]:
        """Return the numbers of the regions of an image that are not labeled."""
        if image_id not in self.parts:
            return self._grid.numbers
        return self._grid.without(self.parts[image_id]).numbers

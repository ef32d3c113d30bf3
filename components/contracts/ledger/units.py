"""Counts labels in what a query asks for: whole images, or regions."""

from __future__ import annotations

from components.contracts.ledger.state import State
from components.contracts.recipe.query import QuerySettings
from components.contracts.regions.tiles import WHOLE, grid, share_of


def labeled_units(state: State, settings: QuerySettings) -> int:
    """Return how many images, or regions, are labeled; a whole image counts as all of its regions.

    Regions of an earlier grid count by their area: so small that each alone would count as none, they add up.
    """
    if settings.grid is None:
        return len(state.labels)
    return round(labeled_images(state) * grid(*settings.grid).size)


def labeled_images(state: State) -> float:
    """Return how many whole images have the area that is labeled."""
    return sum(share_of(state.labeled_area(image_id)) for image_id in state.labels)


def waiting_units(state: State, settings: QuerySettings) -> int:
    """Return how many images, or regions, wait for a label that a training waits for."""
    if settings.grid is None:
        return len(state.waiting)
    requests = (state.outstanding[image_id] for image_id in state.waiting)
    area = sum((request.tiles or WHOLE).share for request in requests)
    return round(area * grid(*settings.grid).size)


def free_tiles(state: State, image_id: str, of: tuple[int, int]) -> tuple[int, ...]:
    """Return the numbers of the regions of an image that nobody has labeled or found impossible to label.

    Args:
      state: of the ledger.
      image_id: of the image.
      of: rows and columns of the regions; earlier ones may have been divided in another way.
    """
    left = grid(*of)
    for tiles in state.settled_area(image_id):
        left = left.without(tiles)
    return left.numbers

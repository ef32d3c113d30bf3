"""Counts labels in what a query asks for: whole images, or regions."""

from __future__ import annotations

from components.contracts.ledger.state import State
from components.contracts.recipe.query import QuerySettings
from components.contracts.regions.tiles import WHOLE, grid, share_of


def labeled_units(state: State, settings: QuerySettings) -> int:
    """Return how many images, or regions, are labeled; a whole image counts as all of its regions."""
    if settings.grid is None:
        return len(state.labels)
    size = grid(*settings.grid).size
    return sum(round(share_of(state.labeled_area(image_id)) * size) for image_id in state.labels)


def labeled_images(state: State) -> float:
    """Return how many whole images have the area that is labeled."""
    return sum(share_of(state.labeled_area(image_id)) for image_id in state.labels)


def waiting_units(state: State, settings: QuerySettings) -> int:
    """Return how many images, or regions, wait for a label that a training waits for."""
    if settings.grid is None:
        return len(state.waiting)
    size = grid(*settings.grid).size
    requests = (state.outstanding[image_id] for image_id in state.waiting)
    return sum(round((request.tiles or WHOLE).share * size) for request in requests)


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

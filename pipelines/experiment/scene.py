"""The data that all fits of an experiment share."""

from __future__ import annotations

from dataclasses import dataclass

from components.contracts.data.raw import locate
from components.contracts.data.records import INDEX, Records
from components.contracts.ledger.layout import SOURCE
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from components.preprocess.build import Division, divide
from tfds_cityscapes.source import Item, Source


@dataclass(frozen=True)
class Scene:
    """A divided data set.

    Attributes:
      division: which image goes where.
      items: of the source, by image id.
      prefix: the folder of the records, in the root.
    """

    division: Division
    items: dict[str, Item]
    prefix: str

    @property
    def source(self) -> Source:
        """The data set."""
        return self.division.source

    def labelable(self, records: Records) -> list[str]:
        """Return the sorted ids of the pool whose masks the source has: others cannot be answered."""
        return sorted(item.image_id for item in self.division.labelable(records))


def open_results(root: str) -> Storage:
    """Open the root of an experiment.

    Raises:
      StreetloopError: the root holds a campaign.
    """
    storage = open_storage(root)
    if Ledger(storage).state().created:
        raise StreetloopError(
            f"{storage.uri} already contains a campaign. Name another folder with --root."
        )
    return storage


def scene_of(recipe: Recipe, storage: Storage) -> Scene:
    """Open the source, generated if the recipe says so, and divide it into splits."""
    source = locate(recipe.data, recipe.seed, storage, SOURCE)
    division = divide(source, recipe.data, recipe.split, recipe.seed)
    return Scene(division, {i.image_id: i for i in source.items}, division.records_folder)


def has_records(scene: Scene, storage: Storage) -> bool:
    """Return whether the records of this state of the source exist."""
    return storage.exists(f"{scene.prefix}/{INDEX}")

"""What is known when a query is made: of the candidates, and of the labeled images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tfds_cityscapes.labels import NUM_CLASSES
from tfds_cityscapes.source import Item


class Images(NamedTuple):
    """Sorted ids: of the candidates, and of the images that are labeled or outstanding."""

    candidates: list[str]
    labeled: list[str]


@dataclass(frozen=True)
class Places:
    """Where and when images were taken; arrays with one entry per image.

    Attributes:
      city: number of the city.
      sequence: number of the drive: the id without its last part.
      rank: position among the images of the sequence, in time, candidates or not.
      time: position among the images of the city, in time, candidates or not.
      in_city: number of images of the city, candidates or not.
    """

    city: np.ndarray
    sequence: np.ndarray
    rank: np.ndarray
    time: np.ndarray
    in_city: np.ndarray

    def of(self, indices: np.ndarray) -> Places:
        """Return the places of some of the images."""
        return Places(
            self.city[indices],
            self.sequence[indices],
            self.rank[indices],
            self.time[indices],
            self.in_city[indices],
        )


def places_of(cities: Mapping[str, str], ids: Sequence[str]) -> Places:
    """Return the places of images.

    Args:
      cities: the city of every image of the train part, by id: positions count all of them.
      ids: the images that are wanted, each a key of `cities`.
    """
    drives: dict[str, list[str]] = defaultdict(list)
    towns: dict[str, list[str]] = defaultdict(list)
    items = {i: Item(i, city, "", "") for i, city in cities.items()}
    for item in sorted(items.values(), key=lambda i: i.order):
        drives[item.drive].append(item.image_id)
        towns[item.city].append(item.image_id)
    number_of = {name: number for number, name in enumerate(sorted(drives))}
    town_of = {name: number for number, name in enumerate(sorted(towns))}
    rank = {i: place for images in drives.values() for place, i in enumerate(images)}
    time = {i: place for images in towns.values() for place, i in enumerate(images)}
    return Places(
        np.array([town_of[cities[i]] for i in ids], int),
        np.array([number_of[items[i].drive] for i in ids], int),
        np.array([rank[i] for i in ids], int),
        np.array([time[i] for i in ids], int),
        np.array([len(towns[cities[i]]) for i in ids], int),
    )


@dataclass(frozen=True)
class Pool:
    """N candidates and M labeled (or outstanding) images, as a model sees them.

    Where regions are asked for, each candidate is a region: it has its image's id, place and embedding.

    Attributes:
      ids: of the candidates, sorted; one of an image for each of its regions.
      places: of the candidates.
      labeled: places of the labeled (and outstanding) images.
      embeddings: float32 [N, D], each column with mean 0 and deviation 1 over the train part.
      labeled_embeddings: float32 [M, D], on the same scale.
      uncertainty: by measure ("entropy", "margin", ...): float32 [N], aggregated over the pixels as the
        recipe says.
      class_uncertainty: float32 [N, C]: entropy summed over the pixels that are predicted as a class,
        divided by the number of all pixels; a row sums to the mean entropy.
      class_share: float32 [N, C]: expected share of each class, the mean of its probability.
      labeled_share: float32 [C]: mean share of each class in the labeled images.
      confidence: float32 [N], the mean over the pixels of the largest probability; empty if no model
        looked.
      labeled_confidence: float32 [M], the same of the labeled images.
      tiles: the numbers of the regions; empty if the candidates are whole images.
    """

    ids: tuple[str, ...]
    places: Places
    labeled: Places
    embeddings: np.ndarray
    labeled_embeddings: np.ndarray
    uncertainty: Mapping[str, np.ndarray] = field(default_factory=dict)
    class_uncertainty: np.ndarray = field(default_factory=lambda: np.zeros((0, NUM_CLASSES)))
    class_share: np.ndarray = field(default_factory=lambda: np.zeros((0, NUM_CLASSES)))
    labeled_share: np.ndarray = field(default_factory=lambda: np.zeros(NUM_CLASSES))
    confidence: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    labeled_confidence: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    tiles: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def names(self) -> list[str]:
        """The candidates' ids, with the numbers of regions: "city_000000_000019#3"."""
        if not self.tiles:
            return list(self.ids)
        return [f"{i}#{tile}" for i, tile in zip(self.ids, self.tiles, strict=True)]

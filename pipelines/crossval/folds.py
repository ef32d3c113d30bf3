"""Folds: the cities of the train part, each held out once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from components.contracts.process.errors import StreetloopError
from tfds_cityscapes.source import Item


@dataclass(frozen=True)
class Fold:
    """What one fit does not see.

    Attributes:
      name: the city, or "fold 1".
      cities: that are held out.
      images: labeled images of these cities.
    """

    name: str
    cities: tuple[str, ...]
    images: int


def folds_of(items: Iterable[Item], count: int | None) -> list[Fold]:
    """Group the cities of the train part into folds of about equally many labeled images.

    The largest cities are dealt first, each to the fold that is smallest so far.

    Args:
      items: of the train part.
      count: of folds; None: one for each city.

    Raises:
      StreetloopError: there are fewer cities than folds, or only one.
    """
    sizes = Counter(i.city for i in items if i.label is not None)
    if len(sizes) < 2 or (count or 2) > len(sizes):
        named = ", ".join(sorted(sizes)) or "none"
        raise StreetloopError(
            f"Too few cities with labeled images to hold out: {len(sizes)} ({named}), for "
            f"{count or 'at least 2'} folds. Put the images of each place into a folder of its own below "
            "leftImg8bit/train, or lower --folds."
        )
    groups: list[list[str]] = [[] for _ in range(count or len(sizes))]
    for city in sorted(sizes, key=lambda c: (-sizes[c], c)):
        min(groups, key=lambda g: sum(sizes[c] for c in g)).append(city)
    return [
        Fold(
            group[0] if len(group) == 1 else f"fold {number}",
            tuple(sorted(group)),
            sum(sizes[c] for c in group),
        )
        for number, group in enumerate(sorted(groups, key=sorted), 1)
    ]

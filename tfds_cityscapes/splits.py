"""Decide which image belongs to which split: always by a seed, and as sorted lists of ids."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from tfds_cityscapes.source import Item, SourceError


def _rank(seed: int, text: str) -> str:
    """Return a seeded rank that depends on the id alone, so that subsets are nested."""
    return hashlib.sha256(f"{seed}:{text}".encode()).hexdigest()


def _by_city(items: Sequence[Item]) -> dict[str, list[Item]]:
    cities: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda i: i.order):
        cities[item.city].append(item)
    return dict(sorted(cities.items()))


def carve_dev(
    items: Sequence[Item], fraction: float, guard: int
) -> tuple[list[Item], list[Item], list[Item]]:
    """Carve `dev` from the train part: the last frames of each city, after a gap in time.

    Args:
      items: the train part; the frames of a city are consecutive in time.
      fraction: share of each city that becomes dev, 0..1. If it is above 0, at least one frame per
        city, unless the city is too small for a frame in each part and the guard between them.
      guard: number of frames between the two parts that belong to neither.

    Returns:
      (pool, dev, guard): three disjoint lists that together are `items`.
    """
    pool: list[Item] = []
    dev: list[Item] = []
    gap: list[Item] = []
    for frames in _by_city(items).values():
        wanted = max(1, round(fraction * len(frames))) if fraction else 0
        count = max(0, min(wanted, len(frames) - guard - 1))
        held = len(frames) - count
        kept = held - guard if count else held
        pool += frames[:kept]
        gap += frames[kept:held]
        dev += frames[held:]
    return pool, dev, gap


def carve_cities(
    items: Sequence[Item], fraction: float, cities: Sequence[str], seed: int
) -> tuple[list[Item], list[Item]]:
    """Carve `dev` from the train part: whole cities, of which the pool then has nothing.

    Args:
      items: the train part.
      fraction: share of the frames that become dev, 0..1, if no city is named.
      cities: names of the cities that become dev; empty for a choice by the seed, of the fewest
        cities that reach `fraction`, but never of all.
      seed: of the choice.

    Returns:
      (pool, dev), which together are `items`.

    Raises:
      SourceError: a named city does not exist, or all of them are named.
    """
    by_city = _by_city(items)
    unknown = sorted(set(cities) - by_city.keys())
    if unknown or (cities and len(set(cities)) == len(by_city)):
        problem = f"There is no city {unknown[0]}" if unknown else "No city is left for the pool"
        raise SourceError(f"{problem}. The train part has {', '.join(by_city)}.")
    held = set(cities)
    if not cities and fraction:
        count = 0
        for city in sorted(by_city, key=lambda c: _rank(seed, c))[: len(by_city) - 1]:
            if count >= fraction * len(items):
                break
            held.add(city)
            count += len(by_city[city])
    pool = [item for city, frames in by_city.items() if city not in held for item in frames]
    return pool, [item for city, frames in by_city.items() if city in held for item in frames]


def by_ratios(items: Sequence[Item], ratios: dict[str, float], seed: int) -> dict[str, list[Item]]:
    """Split data that has no splits, sequence by sequence.

    Frames of one sequence (the id without its last number) look alike, so they stay together.

    Args:
      items: all images.
      ratios: shares of train, val and (if wanted) test; they sum to 1.
      seed: of the order in which sequences are assigned.

    Raises:
      SourceError: there are fewer sequences than splits.
    """
    sequences: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        sequences[item.drive].append(item)
    if len(sequences) < len(ratios):
        raise SourceError(
            f"Too few sequences (ids as city_sequence_frame) to split by {ratios}: "
            f"{len(sequences)}, and at least {len(ratios)} are needed. Sort the images into "
            "leftImg8bit/<split>/<city>."
        )
    out: dict[str, list[Item]] = {name: [] for name in ratios}
    for place, key in enumerate(sorted(sequences, key=lambda k: _rank(seed, k))):
        # One sequence for each split, so that none stays empty; then to the split that lacks most.
        # In an order of their own: a recipe may write its ratios in any.
        names = sorted(ratios)
        lack = {n: ratios[n] * len(items) - len(out[n]) for n in names}
        target = names[place] if place < len(names) else max(names, key=lambda n: lack[n])
        out[target] += sequences[key]
    return out


def label_order(items: Sequence[Item], seed: int) -> list[str]:
    """Return the ids in an order of which every prefix is proportional to the cities.

    The k-th image (by a seeded rank) of a city of n comes at time (k + 1/2) / n. The first 1/16,
    1/8, 1/4 and 1/2 of the order are therefore nested, and each has its share of every city.
    """
    timed: list[tuple[float, str, str]] = []
    for frames in _by_city(items).values():
        ranked = sorted(frames, key=lambda i: _rank(seed, i.image_id))
        for k, item in enumerate(ranked):
            timed.append(((k + 0.5) / len(ranked), _rank(seed, item.image_id), item.image_id))
    return [image_id for _, _, image_id in sorted(timed)]


def initial_labels(items: Sequence[Item], amount: int | str, seed: int) -> list[str]:
    """Return the sorted ids that are labeled before the first cycle.

    Args:
      items: the pool.
      amount: as `initial_count` takes it.
      seed: of the order.
    """
    return sorted(label_order(items, seed)[: initial_count(len(items), amount)])


def initial_count(total: int, amount: int | str) -> int:
    """Return how many of `total` images a number, a fraction such as "1/8", or "all" means."""
    if amount == "all":
        return total
    if isinstance(amount, str):
        return max(1, round(Fraction(amount) * total))
    return min(amount, total)

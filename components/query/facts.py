"""What a model says of one image, in a few numbers, and of many images, as a pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from components.contracts.data.records import POOL, Records
from components.contracts.model.embedding import standardised
from components.contracts.regions.tiles import grid as every_tile
from components.query.aggregation import Aggregate, mean
from components.query.pool import Places, Pool, places_of
from components.query.strategies.entropy import entropy as entropy_of
from tfds_cityscapes.labels import NUM_CLASSES


class Facts(NamedTuple):
    """What one image shows: see `Pool`.

    `regions`: what each region shows, by its number, with the embedding of the whole image; empty where
    regions are not asked for.
    """

    embedding: np.ndarray
    uncertainty: Mapping[str, float]
    class_uncertainty: np.ndarray
    class_share: np.ndarray
    confidence: float
    regions: tuple[Facts, ...] = ()

    @property
    def finite(self) -> bool:
        """Whether every number is one that can be ranked."""
        numbers = [*self.uncertainty.values(), *self.class_share]
        return bool(
            np.isfinite(numbers).all()
            and np.isfinite(self.embedding).all()
            and all(region.finite for region in self.regions)
        )


def facts_of(
    probabilities: np.ndarray,
    embedding: np.ndarray,
    second: Mapping[str, np.ndarray] | None = None,
    aggregate: Aggregate = mean,
    grid: tuple[int, int] | None = None,
) -> Facts:
    """Reduce the prediction of one image to what the strategies use.

    Args:
      probabilities: float32 [H, W, 19], each pixel sums to 1.
      embedding: float32 [D], of the whole image.
      second: maps of doubt [H, W] beside the entropy, by measure.
      aggregate: turns each map of doubt into the image's, or the region's.
      grid: rows and columns of the regions to look at as well; None for none.
    """
    maps = {"entropy": entropy_of(probabilities), **(second or {})}
    classes = probabilities.argmax(-1)
    # Looked up, since a second search for the largest takes as long as the first.
    best = np.take_along_axis(probabilities, classes[..., None], -1)[..., 0]

    def seen(window: tuple[slice, slice]) -> Facts:
        part, entropy = probabilities[window], maps["entropy"][window]
        predicted = classes[window]
        by_class = np.bincount(predicted.ravel(), entropy.ravel().astype(np.float64), NUM_CLASSES)
        return Facts(
            embedding,
            {name: aggregate(values[window], predicted) for name, values in maps.items()},
            (by_class / entropy.size).astype(np.float32),
            part.reshape(-1, NUM_CLASSES).mean(0),
            float(best[window].mean()),
        )

    facts = seen(np.s_[:, :])
    if grid is None:
        return facts
    height, width = classes.shape
    boxes = every_tile(*grid).boxes((height, width))
    return facts._replace(regions=tuple(seen(box.window) for box in boxes))


def blind_pool(records: Records, ids: Sequence[str], labeled: Sequence[str]) -> Pool:
    """Return the pool of a query without a model: it knows places only."""
    places, of_labeled = _places(records, ids, labeled)
    empty = np.zeros((len(ids), 0), np.float32)
    nothing = np.zeros((len(labeled), 0), np.float32)
    return Pool(tuple(sorted(ids)), places, of_labeled, empty, nothing)


def pool_of(
    records: Records, ids: Sequence[str], labeled: Sequence[str], facts: Mapping[str, Facts]
) -> Pool:
    """Return the pool as a model sees it.

    Args:
      records: of the train part.
      ids: the candidates.
      labeled: the images that are labeled or outstanding.
      facts: of each of them, by id.
    """
    candidates, known = sorted(ids), sorted(labeled)
    places, of_labeled = _places(records, candidates, known)
    seen = [facts[i] for i in (*candidates, *known)]
    count = len(candidates)
    embeddings = standardised(np.stack([s.embedding for s in seen]))
    names = seen[0].uncertainty if count else {}
    shares = np.stack([s.class_share for s in seen])
    confidence = np.array([s.confidence for s in seen], np.float32)
    return Pool(
        tuple(candidates),
        places,
        of_labeled,
        embeddings[:count],
        embeddings[count:],
        {n: np.array([s.uncertainty[n] for s in seen[:count]], np.float32) for n in names},
        np.stack([s.class_uncertainty for s in seen[:count]]),
        shares[:count],
        shares[count:].mean(0) if known else np.zeros(NUM_CLASSES, np.float32),
        confidence[:count],
        confidence[count:],
    )


def divided(
    pool: Pool, free: Mapping[str, Sequence[int]], facts: Mapping[str, Facts] | None = None
) -> Pool:
    """Return the pool whose candidates are regions of the candidates of another one.

    Args:
      pool: of whole images.
      free: the numbers of the regions that may be asked for, by image id.
      facts: of each candidate, by id; None if no model has looked.
    """
    pairs = [(place, tile) for place, i in enumerate(pool.ids) for tile in free[i]]
    index = np.array([place for place, _ in pairs], int)
    regions = replace(
        pool,
        ids=tuple(pool.ids[place] for place, _ in pairs),
        tiles=tuple(tile for _, tile in pairs),
        places=pool.places.of(index),
        embeddings=pool.embeddings[index],
    )
    if facts is None or not pairs:
        return regions
    seen = [facts[pool.ids[place]].regions[tile] for place, tile in pairs]
    return replace(
        regions,
        uncertainty={
            name: np.array([s.uncertainty[name] for s in seen], np.float32)
            for name in seen[0].uncertainty
        },
        class_uncertainty=np.stack([s.class_uncertainty for s in seen]),
        class_share=np.stack([s.class_share for s in seen]),
        confidence=np.array([s.confidence for s in seen], np.float32),
    )


def _places(records: Records, ids: Sequence[str], labeled: Sequence[str]) -> tuple[Places, Places]:
    cities = {i: records.entries[i].city for i in records.ids(POOL)}
    return places_of(cities, sorted(ids)), places_of(cities, sorted(labeled))

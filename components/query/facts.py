"""What a model says of one image, in a few numbers, and of many images, as a pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.embedding import standardised
from components.query.aggregation import Aggregate, mean
from components.query.pool import Places, Pool, places_of
from components.query.strategies import MEASURES
from tfds_cityscapes.labels import NUM_CLASSES


class Facts(NamedTuple):
    """What one image shows: see `Pool`."""

    embedding: np.ndarray
    uncertainty: Mapping[str, float]
    class_uncertainty: np.ndarray
    class_share: np.ndarray
    confidence: float

    @property
    def finite(self) -> bool:
        """Whether every number is one that can be ranked."""
        numbers = [*self.uncertainty.values(), *self.class_share]
        return bool(np.isfinite(numbers).all() and np.isfinite(self.embedding).all())


def facts_of(
    probabilities: np.ndarray,
    embedding: np.ndarray,
    second: Mapping[str, np.ndarray] | None = None,
    aggregate: Aggregate = mean,
) -> Facts:
    """Reduce the prediction of one image to what the strategies use.

    Args:
      probabilities: float32 [H, W, 19], each pixel sums to 1.
      embedding: float32 [D], of the whole image.
      second: further maps of doubt [H, W] of a second look, by measure.
      aggregate: turns each map of doubt into the image's.
    """
    maps = {name: measure(probabilities) for name, measure in MEASURES.items()}
    maps |= second or {}
    entropy, classes = maps["entropy"], probabilities.argmax(-1)
    by_class = np.bincount(classes.ravel(), entropy.ravel().astype(np.float64), NUM_CLASSES)
    return Facts(
        embedding,
        {name: aggregate(values, classes) for name, values in maps.items()},
        (by_class / entropy.size).astype(np.float32),
        probabilities.reshape(-1, NUM_CLASSES).mean(0),
        float(probabilities.max(-1).mean()),
    )


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


def _places(records: Records, ids: Sequence[str], labeled: Sequence[str]) -> tuple[Places, Places]:
    cities = {i: records.entries[i].city for i in records.ids("train")}
    return places_of(cities, sorted(ids)), places_of(cities, sorted(labeled))

"""Look at the candidates and at the labeled images with a model, one image at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.embedding import Embedder, standardised
from components.contracts.model.predictor import Predictor
from components.contracts.process.errors import StreetloopError
from components.query.pool import Places, Pool, places_of
from components.query.strategies import MEASURES
from components.query.strategies.disagreement import divergence
from tfds_cityscapes.labels import NUM_CLASSES


class Model(NamedTuple):
    """What looks: predictions of whole images, and their descriptions."""

    predictor: Predictor
    embedder: Embedder


class _Facts(NamedTuple):
    """What one image shows: see `Pool`."""

    embedding: np.ndarray
    uncertainty: Mapping[str, float]
    class_uncertainty: np.ndarray
    class_share: np.ndarray


def blind_pool(records: Records, ids: Sequence[str], labeled: Sequence[str]) -> Pool:
    """Return the pool of a query without a model: it knows places only."""
    places, of_labeled = _places(records, ids, labeled)
    empty = np.zeros((len(ids), 0), np.float32)
    nothing = np.zeros((len(labeled), 0), np.float32)
    return Pool(tuple(sorted(ids)), places, of_labeled, empty, nothing)


def look(
    model: Model,
    records: Records,
    ids: Sequence[str],
    labeled: Sequence[str],
    mirror: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Pool:
    """Return the pool as a model sees it. Only a few numbers of each image are kept in memory.

    Args:
      model: looks at the images.
      records: of the train part.
      ids: the candidates.
      labeled: the images that are labeled or outstanding.
      mirror: whether to predict mirrored images as well, for their disagreement.
      progress: called with the number of images done.

    Raises:
      StreetloopError: a number is not finite; nothing is ever put in its place.
    """
    candidates, known = sorted(ids), sorted(labeled)
    places, of_labeled = _places(records, candidates, known)
    seen = []
    for done, image_id in enumerate([*candidates, *known], 1):
        image = records.read(image_id).image
        seen.append(_facts(model, image, image_id, mirror and done <= len(candidates)))
        progress(done)
    count = len(candidates)
    embeddings = standardised(np.stack([s.embedding for s in seen]))
    names = seen[0].uncertainty if count else {}
    shares = np.stack([s.class_share for s in seen])
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
    )


def _places(records: Records, ids: Sequence[str], labeled: Sequence[str]) -> tuple[Places, Places]:
    cities = {i: records.entries[i].city for i in records.ids("train")}
    return places_of(cities, sorted(ids)), places_of(cities, sorted(labeled))


def _facts(model: Model, image: np.ndarray, image_id: str, mirror: bool) -> _Facts:
    probabilities = model.predictor.probabilities(image)
    maps = {name: measure(probabilities) for name, measure in MEASURES.items()}
    if mirror:
        mirrored = model.predictor.probabilities(image[:, ::-1])[:, ::-1]
        maps["disagreement"] = divergence(probabilities, mirrored)
    uncertainty = {name: float(values.mean()) for name, values in maps.items()}
    entropy, classes = maps["entropy"], probabilities.argmax(-1)
    by_class = np.bincount(classes.ravel(), entropy.ravel().astype(np.float64), NUM_CLASSES)
    facts = _Facts(
        model.embedder.embed(image),
        uncertainty,
        (by_class / entropy.size).astype(np.float32),
        probabilities.reshape(-1, NUM_CLASSES).mean(0),
    )
    if not (np.isfinite(list(uncertainty.values())).all() and np.isfinite(facts.embedding).all()):
        raise StreetloopError(
            f"The model's output for {image_id} is not finite, so it cannot be ranked. Look at the "
            "model's training losses, or roll back to another model."
        )
    return facts

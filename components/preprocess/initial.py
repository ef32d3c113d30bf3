"""Choose the images that a simulation labels at the start."""

from __future__ import annotations

import numpy as np

from components.contracts.data.records import Records
from components.contracts.process.progress import Progress
from components.contracts.recipe.recipe import Recipe
from components.preprocess.build import Division
from tfds_cityscapes.splits import initial_count


def choose_initial(division: Division, records: Records, recipe: Recipe) -> list[str]:
    """Return the sorted ids of the pool that are labeled before the first cycle.

    Raises:
      StreetloopError: the weights of the encoder that looks at the images cannot be read.
    """
    split, seed = recipe.split, recipe.seed
    pool = sorted(division.labelable(records), key=lambda item: item.image_id)
    count = initial_count(len(pool), split.initial)
    if split.initial_by == "chance" or count in (0, len(pool)):
        return division.choose_labeled(records, split.initial, seed)
    # TensorFlow takes seconds to import, and only this choice needs it.
    from components.contracts.model.embedding import embeddings_of, encoder_embedder
    from components.contracts.model.typical import Typical

    embedder = encoder_embedder(recipe.train.network.encoder)
    progress = Progress("preprocess", "images looked at", len(pool))
    seen = embeddings_of(records, [i.image_id for i in pool], embedder, progress.update)
    places = [_numbers([i.city for i in pool]), _numbers([i.drive for i in pool])]
    typical = Typical(seen, seen[:0], places, count, np.random.default_rng(seed))
    return sorted(pool[index].image_id for index in typical.choose(count))


def _numbers(names: list[str]) -> np.ndarray:
    """Number names from 0: int [N]."""
    numbers: np.ndarray = np.unique(names, return_inverse=True)[1]
    return numbers

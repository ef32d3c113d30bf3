"""Look at the candidates and at the labeled images with a model, one image at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.describer import Describer
from components.contracts.model.embedding import Embedder, embeddings_of
from components.contracts.model.judge import Judge
from components.contracts.model.predictor import Predictor
from components.contracts.process.errors import StreetloopError
from components.query.aggregation import Aggregate, mean
from components.query.facts import Facts, blind_pool, facts_of
from components.query.pool import Pool

Watch = Callable[[str, np.ndarray], None]
# From an image, uint8 [H, W, 3], and its probabilities [H, W, 19] to a map of doubt [H, W].
SecondLook = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Model:
    """What looks: predictions of whole images, their descriptions, and the discriminator's opinion."""

    predictor: Predictor
    embedder: Embedder
    judge: Judge | None = None

    @cached_property
    def describer(self) -> Describer:
        """The predictor and the embedder in one."""
        return Describer(self.predictor, self.embedder)


def look(
    model: Model,
    records: Records,
    ids: Sequence[str],
    labeled: Sequence[str],
    second: Mapping[str, SecondLook] | None = None,
    progress: Callable[[int], None] = lambda done: None,
    watch: Watch = lambda image_id, probabilities: None,
    aggregate: Aggregate = mean,
    grid: tuple[int, int] | None = None,
) -> dict[str, Facts]:
    """Return what a model says of each image, by its id. Only these few numbers are kept in memory.

    Args:
      model: looks at the images.
      records: of the train part.
      ids: the candidates.
      labeled: the images that are labeled or outstanding.
      second: measures doubt in each candidate beside the entropy, by the name of the measure.
      progress: called with the number of images done.
      watch: called with each image's id and its probabilities [H, W, 19].
      aggregate: turns each map of doubt into the image's.
      grid: rows and columns of the regions of the candidates; None for whole images.

    Raises:
      StreetloopError: a number is not finite; nothing is ever put in its place.
    """
    candidates = sorted(ids)
    seen: dict[str, Facts] = {}
    others = sorted(set(labeled) - set(candidates))
    for done, image_id in enumerate([*candidates, *others], 1):
        image = records.read(image_id).image
        probabilities, embedding = model.describer.describe(image)
        watch(image_id, probabilities)
        candidate = done <= len(candidates)
        looks = (second or {}) if candidate else {}
        maps = {name: again(image, probabilities) for name, again in looks.items()}
        facts = facts_of(probabilities, embedding, maps, aggregate, grid if candidate else None)
        if not facts.finite:
            raise StreetloopError(
                f"The model's output for {image_id} is not finite, so it cannot be ranked. Look at "
                "the model's training losses, or roll back to another model."
            )
        seen[image_id] = facts
        progress(done)
    return seen


def embedded_pool(
    records: Records,
    ids: Sequence[str],
    labeled: Sequence[str],
    embedder: Embedder,
    progress: Callable[[int], None] = lambda done: None,
) -> Pool:
    """Return the pool as a pretrained encoder sees it, before there is a model that could predict."""
    blind = blind_pool(records, ids, labeled)
    seen = embeddings_of(records, [*blind.ids, *sorted(labeled)], embedder, progress)
    count = len(blind)
    return replace(blind, embeddings=seen[:count], labeled_embeddings=seen[count:])

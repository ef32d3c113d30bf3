"""Scores unlabeled images and picks the ones to ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.predictor import Predictor
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.query import StrategyName
from components.query.strategies import STRATEGIES
from components.query.strategies.random import draw
from tfds_cityscapes.labels import CLASS_NAMES


@dataclass(frozen=True)
class Scored:
    """One candidate. `score`: higher = ask first. `cost`: annotation work, in images."""

    image_id: str
    score: float
    reason: str
    cost: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return it as the ledger's query event holds it."""
        return asdict(self)


def score_at_random(ids: Sequence[str], seed: int, cycle: int) -> list[Scored]:
    """Score images by chance; return them sorted by id."""
    return [Scored(i, draw(i, seed, cycle), STRATEGIES["random"].reason) for i in sorted(ids)]


def score_by_model(
    predictor: Predictor,
    records: Records,
    ids: Sequence[str],
    strategy: StrategyName,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Scored]:
    """Score images by what the model does not know about them; return them sorted by id.

    Args:
      predictor: of the model that ranks.
      records: of the pool.
      ids: the candidates.
      strategy: one with a measure.
      progress: called with the number of images scored.

    Raises:
      StreetloopError: a score is not finite; nothing is ever put in its place.
    """
    reason, measure = STRATEGIES[strategy]
    assert measure is not None, f"{strategy} needs no model"
    scored = []
    for done, image_id in enumerate(sorted(ids), 1):
        probabilities = predictor.probabilities(records.read(image_id).image)
        doubt = measure(probabilities)
        score = float(doubt.mean())
        if not np.isfinite(score):
            raise StreetloopError(
                f"The {strategy} score of {image_id} is not finite: {score}. The model's output is "
                "broken: look at its training losses, or roll back to another model."
            )
        names = " and ".join(_doubtful_classes(doubt, probabilities.argmax(-1)))
        scored.append(
            Scored(image_id, score, f"{reason}, most of all at {names}" if names else reason)
        )
        progress(done)
    return scored


def _doubtful_classes(doubt: np.ndarray, classes: np.ndarray) -> list[str]:
    """Return the names of the two predicted classes that contribute most to the score."""
    sums = np.bincount(classes.ravel(), doubt.ravel().astype(np.float64), len(CLASS_NAMES))
    return [CLASS_NAMES[i] for i in np.argsort(-sums)[:2] if sums[i] > 0]


def select(scored: Sequence[Scored], count: int) -> list[Scored]:
    """Return the `count` highest scores; equal scores are ordered by id."""
    return sorted(scored, key=lambda s: (-s.score, s.image_id))[: max(0, count)]

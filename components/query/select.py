"""Ranks unlabeled images and picks the ones to ask for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.predictor import Predictor
from components.contracts.process.errors import StreetloopError
from components.query.strategies.acquisition import ACQUISITIONS, REASONS
from tfds_cityscapes.labels import CLASS_NAMES


@dataclass(frozen=True)
class Scored:
    """One candidate. `score`: higher = ask first. `cost`: images' worth of annotation work."""

    image_id: str
    score: float
    reason: str
    cost: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """As the ledger's query event holds it."""
        return asdict(self)


def score_at_random(ids: Sequence[str], seed: int, cycle: int) -> list[Scored]:
    """Scores in [0, 1) that depend on the id, the seed and the cycle alone."""

    def draw(image_id: str) -> float:
        digest = hashlib.sha256(f"{seed}:{cycle}:{image_id}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    return [Scored(i, draw(i), REASONS["random"]) for i in sorted(ids)]


def score_by_model(
    predictor: Predictor,
    records: Records,
    ids: Sequence[str],
    strategy: str,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Scored]:
    """Scores images by what the model does not know about them.

    Raises:
      StreetloopError: a score is not finite; nothing is ever put in its place.
    """
    measure = ACQUISITIONS[strategy]
    out = []
    for done, image_id in enumerate(sorted(ids), 1):
        probabilities = predictor.probabilities(records.read(image_id).image)
        map_ = measure(probabilities)
        score = float(map_.mean())
        if not np.isfinite(score):
            raise StreetloopError(
                f"Expected a finite {strategy} score for {image_id}; got {score}. The model's "
                "output is broken: look at its training losses, or roll back to another model."
            )
        out.append(Scored(image_id, score, _reason(strategy, map_, probabilities.argmax(-1))))
        progress(done)
    return out


def _reason(strategy: str, map_: np.ndarray, classes: np.ndarray) -> str:
    """Names the classes that contribute most of the score."""
    sums = np.bincount(classes.ravel(), map_.ravel().astype(np.float64), len(CLASS_NAMES))
    top = [CLASS_NAMES[i] for i in np.argsort(-sums)[:2] if sums[i] > 0]
    return f"{REASONS[strategy]}, most of all at {' and '.join(top)}" if top else REASONS[strategy]


def select(scored: Sequence[Scored], count: int) -> list[Scored]:
    """The `count` highest scores; equal scores go by id."""
    return sorted(scored, key=lambda s: (-s.score, s.image_id))[: max(0, count)]

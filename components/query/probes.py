"""Probes: images whose mask the data set has are asked for as well, to measure the annotators."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from components.contracts.ledger.state import State
from components.query.scored import Scored

_REASON = "drawn by chance"


def draw(
    masked: Collection[str],
    candidates: Collection[str],
    state: State,
    wanted: tuple[float, int],
    rng: np.random.Generator,
) -> list[str]:
    """Draw probes among the images that nobody was asked for.

    Labeled ones come first: masks of the data set that were accepted (`feedback.existing`). Others are
    taken from the candidates only as far as the query can spare them.

    Args:
      masked: ids of the pool's images whose mask the data set has.
      candidates: ids that the query chooses from.
      state: of the ledger.
      wanted: the share of probes, and how many images the query chooses.
      rng: of chance.

    Returns:
      their ids, in no particular order; fewer than wanted if there are not enough.
    """
    share, count = wanted
    number = math.ceil(share * count)
    new = set(masked) - state.asked_ever - state.probes.keys() - state.skipped.keys()
    labeled, others = sorted(new & state.labels.keys()), sorted(new & set(candidates))
    spare = max(0, len(candidates) - count)
    drawn = [*rng.permutation(labeled), *rng.permutation(others)[:spare]]
    return [str(image_id) for image_id in drawn[:number]]


def mix(chosen: Sequence[Scored], probes: Iterable[str], rng: np.random.Generator) -> list[Scored]:
    """Put probes at random places among the chosen images, each with the score of the one before it."""
    mixed = list(chosen)
    for image_id in probes:
        place = int(rng.integers(len(mixed))) if mixed else -1
        score = mixed[place].score if mixed else 0.0
        mixed.insert(place + 1, Scored(image_id, score, _REASON))
    return mixed

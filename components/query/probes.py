"""Probes: images whose mask the data set has are asked for as well, to measure the annotators."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np

from components.contracts.annotation.fields import DATA_SET
from components.contracts.ledger.state import State
from components.query.pool import Images
from components.query.scored import Scored

_REASON = "drawn by chance"


def draw(
    images: Images,
    masked: Callable[[], Collection[str]],
    state: State,
    wanted: tuple[float, int],
    rng: np.random.Generator,
) -> list[str]:
    """Draw probes among the images that nobody was asked for.

    Labeled ones come first: masks of the data set that were accepted (`feedback.existing`), and that
    nobody has corrected. Others are taken from the candidates only as far as the query can spare them.

    Args:
      images: that the query ranks.
      masked: returns the ids of images whose mask the data set has; called only if it is needed.
      state: of the ledger.
      wanted: the share of probes, and how many images the query chooses.
      rng: of chance.

    Returns:
      their ids, in no particular order; fewer than wanted if there are not enough.
    """
    share, count = wanted
    number = math.ceil(round(share * count, 9))  # 0.07 * 100 is a little more than 7
    used = state.asked_ever | state.probes.keys() | state.skipped.keys()
    labeled = [i for i in images.labeled if i not in used and _is_of_data_set(state, i)]
    drawn = [str(image_id) for image_id in rng.permutation(labeled)[:number]]
    if len(drawn) < number:
        known = masked()
        others = [i for i in images.candidates if i not in used and i in known]
        spare = min(max(0, len(images.candidates) - count), number - len(drawn))
        drawn += [str(image_id) for image_id in rng.permutation(others)[:spare]]
    return drawn


def _is_of_data_set(state: State, image_id: str) -> bool:
    """Return whether an image's only label is the data set's mask."""
    return [v.annotator for v in state.labels.get(image_id, ())] == [DATA_SET]


def mix(chosen: Sequence[Scored], probes: Iterable[str], rng: np.random.Generator) -> list[Scored]:
    """Put probes at random places among the chosen images, each with a neighbour's score."""
    mixed = list(chosen)
    for image_id in probes:
        place = int(rng.integers(len(mixed) + 1))
        score = mixed[max(place - 1, 0)].score if mixed else 0.0
        mixed.insert(place, Scored(image_id, score, _REASON))
    return mixed

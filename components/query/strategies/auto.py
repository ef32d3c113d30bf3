"""Auto: look at the pool, and take what was measured to help in such a pool.

Frames of a video are alike, and most of what a strategy can gain there is not to ask for the same
picture twice. Where neighbours in time are not alike, because the pool is photos or a thinned video,
distance leads to outliers. Regions have no description of their own, and doubt finds the rare classes.
What the choice rests on is in docs/results.md.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from components.query.pool import Pool

_NEIGHBOURS = 3  # frames
_ALIKE = 0.6  # share of the usual distance between two images of the pool
_VIDEO = 0.5  # share of the images that look like a neighbour in time
_SAMPLE = 500  # images that are looked at in a large pool


class Decision(NamedTuple):
    """The strategy to use, and why, as a sentence."""

    strategy: Literal["kcenter_entropy", "facility_entropy", "class_balanced"]
    why: str


def decide(pool: Pool, rng: np.random.Generator) -> Decision:
    """Choose a strategy for a pool."""
    if pool.tiles:
        return Decision("class_balanced", "The query asks for regions.")
    share = share_alike(pool, rng)
    words = f"{100 * share:.0f} % of the images look almost like a neighbour in time"
    if share >= _VIDEO:
        return Decision("kcenter_entropy", f"The pool is video: {words}.")
    return Decision("facility_entropy", f"The pool is not video: {words}.")


def share_alike(pool: Pool, rng: np.random.Generator) -> float:
    """Return the share of images whose nearest embedding is near, and a few frames away in the same drive."""
    points = np.concatenate([pool.embeddings, pool.labeled_embeddings]).astype(np.float32)
    sequence = np.concatenate([pool.places.sequence, pool.labeled.sequence])
    rank = np.concatenate([pool.places.rank, pool.labeled.rank])
    if len(points) < 2:
        return 0.0
    looked_at = np.arange(len(points))
    if len(points) > _SAMPLE:
        looked_at = rng.choice(len(points), _SAMPLE, replace=False)
    squares = np.einsum("nd,nd->n", points, points)
    usual, nearest = np.zeros(len(looked_at)), np.full(len(looked_at), np.inf)
    for place, index in enumerate(looked_at):
        distance = np.sqrt(np.maximum(squares + squares[index] - 2 * (points @ points[index]), 0))
        distance[index] = np.inf
        other = int(distance.argmin())
        usual[place] = np.median(distance)
        if sequence[other] == sequence[index] and abs(rank[other] - rank[index]) <= _NEIGHBOURS:
            nearest[place] = distance[other]
    return float((nearest <= _ALIKE * np.median(usual)).mean())

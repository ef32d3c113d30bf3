"""Typical: ask for what stands for a group of images that look alike, from every place its share.

With few labels, typical images teach more than unusual ones (TypiClust: Hacohen et al., Active Learning
on a Budget, 2022). It is also how a cold start may begin (`split.initial_by`), with the features of the
pretrained encoder in place of a model's.
"""

from __future__ import annotations

import numpy as np

from components.contracts.model.typical import Typical
from components.query.pool import Pool

REASON = "typical of a group of images that look alike"


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Typical:
    """Rank by the distance to the centers of groups without a labeled image."""
    places = (pool.places.city, pool.places.sequence)
    return Typical(pool.embeddings, pool.labeled_embeddings, places, count, rng)

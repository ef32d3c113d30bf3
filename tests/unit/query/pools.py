"""Pools for tests of strategies: drives of frames that look more alike the closer they are in time."""

from __future__ import annotations

import numpy as np

from components.query.pool import Pool, places_of

C = 19
DOUBTS = ("entropy", "margin", "least_confidence", "disagreement", "bald", "discriminator")


def drives(cities: int = 2, frames: int = 20, labeled: int = 2, seed: int = 0) -> Pool:
    """A pool of video: `cities` drives of `frames` frames, of which the first `labeled` are labeled.

    The embedding of a frame moves along a curve in time; entropy and classes are by chance.
    """
    rng = np.random.default_rng(seed)
    ids = [f"city{c}_000000_{30 * f:06d}" for c in range(cities) for f in range(frames)]
    city = {i: i.partition("_")[0] for i in ids}
    time = np.tile(np.arange(frames), cities) / frames
    place = np.repeat(np.arange(cities), frames)
    points = np.stack([np.cos(2 * time), np.sin(2 * time), 3.0 * place], 1).astype(np.float32)
    return pool_of(ids, city, points, labeled, rng)


def photos(count: int = 40, labeled: int = 2, seed: int = 0) -> Pool:
    """A pool of independent photos of one city: how they look has nothing to do with their order."""
    rng = np.random.default_rng(seed)
    ids = [f"city_000000_{f:06d}" for f in range(count)]
    points = rng.normal(size=(count, 8)).astype(np.float32)
    return pool_of(ids, dict.fromkeys(ids, "city"), points, labeled, rng)


def pool_of(
    ids: list[str],
    city: dict[str, str],
    points: np.ndarray,
    labeled: int,
    rng: np.random.Generator,
) -> Pool:
    known, rest = np.arange(labeled), np.arange(labeled, len(ids))
    share = rng.dirichlet(np.full(C, 0.3), len(ids)).astype(np.float32)
    entropy = rng.uniform(0.1, 0.9, len(ids)).astype(np.float32)
    doubt = dict.fromkeys(DOUBTS, entropy[rest])
    return Pool(
        tuple(ids[i] for i in rest),
        places_of(city, [ids[i] for i in rest]),
        places_of(city, [ids[i] for i in known]),
        points[rest],
        points[known],
        doubt,
        entropy[rest, None] * share[rest],
        share[rest],
        share[known].mean(0) if labeled else np.zeros(C, np.float32),
    )

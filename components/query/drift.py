"""Compares the pool with the labeled images: has the street changed since people labeled it?

The numbers come from what the query has seen anyway. What a campaign asked for is unlike the rest by
design, so they say more from cycle to cycle than by themselves.
"""

from __future__ import annotations

import numpy as np

from components.contracts.scores.drift import Drift
from components.query.pool import Pool

_MOST = 200  # images of each kind: the kernel is [2 * _MOST, 2 * _MOST]
_FEWEST = 2  # of each kind: one image has no spread
_PERMUTATIONS = 199


def drift_of(pool: Pool, rng: np.random.Generator, limit: float | None = None) -> Drift | None:
    """Return how far the pool is from the labeled images; None if no model has seen them.

    Args:
      pool: what the query has seen, with the images that people have labeled and no outstanding ones.
      rng: draws the images to compare, and the permutations.
      limit: the recipe's, for the report.
    """
    labeled = len(pool.labeled_confidence)
    if min(len(pool.confidence), labeled) < _FEWEST:
        return None
    distance, chance = discrepancy(
        _some(pool.embeddings, rng), _some(pool.labeled_embeddings, rng), rng
    )
    return Drift(
        images=len(pool),
        labeled=labeled,
        embedding=distance,
        chance=chance,
        classes=divergence(pool.class_share.mean(0), pool.labeled_share),
        confidence=float(pool.confidence.mean() - pool.labeled_confidence.mean()),
        limit=limit,
    )


def discrepancy(
    one: np.ndarray, other: np.ndarray, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the maximum mean discrepancy of two samples [N, D] and [M, D], and its p-value.

    Gretton et al., 2012, "A kernel two-sample test": the unbiased estimate with a Gaussian kernel
    whose width is the median distance, its root where it is positive, and a permutation test.
    """
    both = np.concatenate([one, other]).astype(np.float64)
    squares = (both**2).sum(1)
    distances = np.maximum(squares[:, None] + squares - 2 * both @ both.T, 0)
    median = float(np.median(distances[np.triu_indices(len(both), 1)]))
    kernel = np.exp(-distances / (median if median > 0 else 1.0))
    np.fill_diagonal(kernel, 0)
    first = np.arange(len(both)) < len(one)
    found = _squared(kernel, first)
    larger = sum(_squared(kernel, rng.permutation(first)) >= found for _ in range(_PERMUTATIONS))
    return max(0.0, found) ** 0.5, (1 + larger) / (1 + _PERMUTATIONS)


def _squared(kernel: np.ndarray, first: np.ndarray) -> float:
    """Return the unbiased squared discrepancy; `kernel` has zeros on its diagonal."""
    n, m = int(first.sum()), int((~first).sum())
    rows = kernel @ first.astype(np.float64)
    within, across = float(rows[first].sum()), float(rows[~first].sum())
    others = float(kernel.sum()) - within - 2 * across
    return within / (n * (n - 1)) + others / (m * (m - 1)) - 2 * across / (n * m)


def divergence(one: np.ndarray, other: np.ndarray) -> float:
    """Return the Jensen-Shannon divergence of two distributions [C], in bits: 0 to 1."""
    p, q = (np.asarray(x, np.float64) / np.sum(x, dtype=np.float64) for x in (one, other))
    middle = (p + q) / 2
    return min(1.0, max(0.0, (_information(p, middle) + _information(q, middle)) / 2))


def _information(p: np.ndarray, q: np.ndarray) -> float:
    present = p > 0
    return float((p[present] * np.log2(p[present] / q[present])).sum())


def _some(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(rows) <= _MOST:
        return rows
    chosen: np.ndarray = rows[np.sort(rng.choice(len(rows), _MOST, replace=False))]
    return chosen

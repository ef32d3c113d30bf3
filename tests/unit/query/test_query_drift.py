"""Drift: values by hand, drift that is planted, and none where there is none."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest

from components.contracts.scores.drift import Drift
from components.query.drift import discrepancy, divergence, drift_of
from components.query.pool import Pool
from tests.unit.query.pools import photos


def seen(shift: float = 0.0, count: int = 120, labeled: int = 60) -> Pool:
    """A pool that a model has looked at; the labeled images are `shift` away in every dimension."""
    pool = photos(count, labeled, seed=3)
    shares = np.full(19, 1 / 19, np.float32)
    return replace(
        pool,
        labeled_embeddings=pool.labeled_embeddings + np.float32(shift),
        class_share=np.tile(shares, (len(pool), 1)),
        labeled_share=shares,
        confidence=np.full(len(pool), 0.64, np.float32),
        labeled_confidence=np.full(labeled, 0.82, np.float32),
    )


def test_divergence_by_hand() -> None:
    same, other = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    assert divergence(same, same) == 0
    assert divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1
    # The middle is 1/4, 1/2, 1/4; each part is 0.5 log2(0.5 / 0.25) + 0.5 log2(1) = 0.5 bits.
    assert divergence(same, other) == pytest.approx(0.5)
    assert divergence(2 * same, 3 * other) == pytest.approx(0.5)


def test_discrepancy_by_hand() -> None:
    one, other = np.array([[0.0], [1.0]]), np.array([[3.0], [4.0]])
    # Squared distances 1, 9, 16, 4, 9, 1: the median is 6.5.
    k = {d: math.exp(-d / 6.5) for d in (1, 4, 9, 16)}
    expected = 2 * k[1] - 2 * (2 * k[9] + k[16] + k[4]) / 4
    distance, chance = discrepancy(one, other, np.random.default_rng(0))
    assert distance == pytest.approx(math.sqrt(expected))
    # Two of the six ways to divide four images into two pairs are as far apart as these.
    assert chance == pytest.approx(1 / 3, abs=0.1)


def test_planted_drift_is_found() -> None:
    found = drift_of(seen(shift=1.0), np.random.default_rng(0), limit=0.2)
    assert found is not None
    assert found.embedding > 0.3
    assert found.chance == pytest.approx(1 / 200)
    assert found.classes == 0
    assert found.exceeded == [f"embedding distance {found.embedding:.2f}"]
    assert (found.images, found.labeled) == (60, 60)
    assert found.confidence == pytest.approx(0.64 - 0.82)


def test_identical_distributions_do_not_drift() -> None:
    chances = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        one, other = rng.normal(size=(40, 6)), rng.normal(size=(40, 6))
        chances.append(discrepancy(one, other, rng)[1])
    assert sum(chance <= 0.05 for chance in chances) <= 3  # one is expected
    assert 0.3 < np.mean(chances) < 0.7


def test_a_distance_that_chance_explains_is_not_above_the_limit() -> None:
    found = Drift(
        images=9, labeled=9, embedding=0.4, chance=0.2, classes=0.1, confidence=0, limit=0.3
    )
    assert found.exceeded == []
    assert found.model_copy(update={"chance": 0.01}).exceeded == ["embedding distance 0.40"]
    assert found.model_copy(update={"classes": 0.31}).exceeded == [
        "divergence of the class shares 0.31"
    ]
    assert found.model_copy(update={"chance": 0.01, "limit": None}).exceeded == []


def test_a_pool_that_no_model_has_seen_has_no_drift() -> None:
    pool = seen()
    nothing = np.zeros(0, np.float32)
    blind = replace(pool, confidence=nothing, labeled_confidence=nothing)
    assert drift_of(blind, np.random.default_rng(0)) is None
    alone = replace(pool, labeled_confidence=pool.labeled_confidence[:1])
    assert drift_of(alone, np.random.default_rng(0)) is None


def test_large_pools_take_no_noticeable_time() -> None:

    rng = np.random.default_rng(0)
    started = time.process_time()
    discrepancy(rng.normal(size=(200, 256)), rng.normal(size=(200, 256)), rng)
    assert time.process_time() - started < 2

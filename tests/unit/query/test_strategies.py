"""One contract for all strategies; then what each of them chooses, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from components.contracts.recipe.query import QuerySettings, StrategyName
from components.query.choose import Fixed, choose
from components.query.pool import Pool
from components.query.strategies import STRATEGIES
from components.query.strategies.auto import decide, share_alike
from components.query.strategies.clue import weighted_centers
from tests.unit.query.pools import DOUBTS, drives, photos, pool_of

every = pytest.mark.parametrize("name", STRATEGIES)
CHANCE = {"random", "stratified", "dsquared_entropy", "clue", "typical", "clasp"}


def chosen(name: str, pool: Pool, count: int = 6, seed: int = 0, gap: int = 0) -> list[str]:
    ranker = STRATEGIES[name].rank(pool, np.random.default_rng(seed), count)
    return [pool.ids[c.candidate] for c in choose(pool, ranker, count, gap)]


def test_the_registry_holds_every_strategy_of_a_recipe_and_no_other() -> None:
    assert tuple(STRATEGIES) == get_args(StrategyName)
    for name in ("auto", *STRATEGIES):
        assert QuerySettings(strategy=name).strategy == name


@every
@pytest.mark.parametrize("make", [drives, photos])
def test_a_strategy_chooses_each_image_once_with_finite_scores(name: str, make) -> None:  # type: ignore[no-untyped-def]
    pool = make()
    ranker = STRATEGIES[name].rank(pool, np.random.default_rng(0), len(pool))
    choices = choose(pool, ranker, len(pool) + 5)
    assert sorted(c.candidate for c in choices) == list(range(len(pool)))
    assert np.isfinite([c.score for c in choices]).all()


@every
def test_a_strategy_is_a_function_of_the_pool_and_the_seed(name: str) -> None:
    pool = drives()
    assert chosen(name, pool) == chosen(name, pool)
    others = {tuple(chosen(name, pool, seed=seed)) for seed in range(8)}
    assert (len(others) > 1) == (name in CHANCE)


@every
def test_a_strategy_leaves_the_pool_as_it_is(name: str) -> None:
    pool = drives()
    arrays = [pool.embeddings, pool.labeled_embeddings, pool.class_share, pool.class_uncertainty]
    for array in (
        *arrays,
        pool.labeled_share,
        *pool.uncertainty.values(),
        *pool.places.__dict__.values(),
    ):
        array.setflags(write=False)
    chosen(name, pool)


@every
def test_a_strategy_works_without_any_label_and_with_one_candidate(name: str) -> None:
    assert len(chosen(name, drives(labeled=0))) == 6
    assert len(chosen(name, drives(cities=1, frames=3, labeled=2))) == 1


@every
def test_what_a_strategy_without_a_model_needs_is_known_without_one(name: str) -> None:
    pool = drives()
    blind = Pool(pool.ids, pool.places, pool.labeled, np.zeros((len(pool), 0)), np.zeros((2, 0)))
    if STRATEGIES[name].needs_model:
        assert name not in ("random", "stratified")
    else:
        assert chosen(name, blind) == chosen(name, pool)


@pytest.mark.parametrize("name", DOUBTS)
def test_doubt_alone_takes_the_highest_scores_in_order(name: str) -> None:
    pool = photos()
    order = np.argsort(-pool.uncertainty[name])
    assert chosen(name, pool) == [pool.ids[i] for i in order[:6]]


def test_equal_scores_are_ordered_by_id() -> None:
    pool = photos()
    choices = choose(pool, Fixed(np.zeros(len(pool))), 3)
    assert [c.candidate for c in choices] == [0, 1, 2]


def test_images_of_one_drive_keep_their_distance_in_time() -> None:
    pool = drives(cities=1, frames=22, labeled=2)
    ranker = Fixed(np.arange(len(pool), dtype=float))
    apart = [pool.places.rank[c.candidate] for c in choose(pool, ranker, 4, min_gap=5)]
    assert apart == [21, 16, 11, 6]


def test_a_gap_that_leaves_too_few_is_halved() -> None:
    pool = drives(cities=1, frames=12, labeled=2)
    ranks = [
        int(pool.places.rank[c.candidate])
        for c in choose(pool, Fixed(np.arange(len(pool), dtype=float)), 5, min_gap=8)
    ]
    assert ranks == [11, 3, 7, 9, 5]
    assert len(choose(pool, Fixed(np.zeros(len(pool))), 10, min_gap=8)) == 10


def test_stratified_gives_each_city_its_share_and_spreads_over_time() -> None:
    pool = drives(cities=3, frames=40, labeled=0)
    for seed in range(5):
        ids = chosen("stratified", pool, 12, seed)
        index = [pool.ids.index(i) for i in ids]
        assert np.bincount(pool.places.city[index]).tolist() == [4, 4, 4]
        for city in range(3):
            times = np.sort([pool.places.time[i] for i in index if pool.places.city[i] == city])
            assert (
                np.diff(times).min() >= 4
            )  # by chance two of four are neighbours half of the time


def test_stratified_makes_up_for_the_labels_that_are_there() -> None:
    pool = drives(cities=2, frames=30, labeled=6)  # all of the first city
    ids = chosen("stratified", pool, 6)
    assert all(i.startswith("city1") for i in ids)


@pytest.mark.parametrize(
    ("sizes", "labeled", "free", "count", "expected"),
    [
        # All of the first city is labeled: the others share what is asked for, as if they were alone.
        ((100, 10, 20), 100, (0, 10, 20), 15, [0, 5, 10]),
        # Most of it cannot be asked for: it runs out on the way.
        ((40, 30, 60), 0, (2, 30, 60), 32, [2, 10, 20]),
    ],
)
def test_stratified_shares_among_the_cities_that_have_candidates_left(
    sizes: tuple[int, ...], labeled: int, free: tuple[int, ...], count: int, expected: list[int]
) -> None:
    every = {f"c{c}_000000_{f:06d}": f"c{c}" for c, size in enumerate(sizes) for f in range(size)}
    known = list(every)[:labeled]
    left = [f"c{c}_000000_{f:06d}" for c, number in enumerate(free) for f in range(number)]
    ids = [*known, *left]
    points = np.zeros((len(ids), 2), np.float32)
    pool = pool_of(ids, every, points, labeled, np.random.default_rng(0))
    for seed in range(3):
        cities = [int(i[1]) for i in chosen("stratified", pool, count, seed)]
        assert np.bincount(cities, minlength=3).tolist() == expected


def test_kcenter_takes_the_farthest_point_first() -> None:
    points = np.array([[0.0], [0.2], [5.0], [9.0], [-4.0]], np.float32)
    ids = [f"c_000000_{k:06d}" for k in range(5)]
    pool = pool_of(ids, dict.fromkeys(ids, "c"), points, 1, np.random.default_rng(0))
    # 9 is farthest from 0; then 5 and -4 are 4 away from their nearest, and ids decide.
    assert chosen("kcenter", pool, 4) == [ids[3], ids[2], ids[4], ids[1]]


def test_kcenter_entropy_weighs_the_distance() -> None:
    points = np.array([[0.0], [1.0], [2.0], [4.0]], np.float32)
    ids = [f"c_000000_{k:06d}" for k in range(4)]
    pool = pool_of(ids, dict.fromkeys(ids, "c"), points, 1, np.random.default_rng(0))
    pool = replace(pool, uncertainty={"entropy": np.array([0.9, 0.9, 0.1], np.float32)})
    # 1 x 0.9, 2 x 0.9, 4 x 0.1; then 1 x 0.9 (from 0 or 2) against 2 x 0.1.
    assert chosen("kcenter_entropy", pool, 3) == [ids[2], ids[1], ids[3]]


def test_facility_location_prefers_what_stands_for_many_to_an_outlier() -> None:
    crowd = np.array([[1.0, 0.0], [0.99, 0.1], [0.98, 0.2], [0.97, -0.2]], np.float32)
    outlier = np.array([[-3.0, 0.1]], np.float32)
    known = np.array([[0.0, 1.0]], np.float32)
    ids = [f"c_000000_{k:06d}" for k in range(6)]
    points = np.concatenate([known, crowd, outlier])
    pool = pool_of(ids, dict.fromkeys(ids, "c"), points, 1, np.random.default_rng(0))
    pool = replace(pool, uncertainty={"entropy": np.full(5, 0.5, np.float32)})
    assert chosen("facility_entropy", pool, 1)[0] in ids[1:5]
    assert chosen("kcenter", pool, 1) == [ids[5]]


def test_facility_location_by_hand() -> None:
    """Two candidates at a right angle: each adds its own entropy, and nothing of the other's."""
    points = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    ids = ["c_000000_000000", "c_000000_000001"]
    pool = pool_of(ids, dict.fromkeys(ids, "c"), points, 0, np.random.default_rng(0))
    pool = replace(pool, uncertainty={"entropy": np.array([0.3, 0.7], np.float32)})
    ranker = STRATEGIES["facility_entropy"].rank(pool, np.random.default_rng(0), 2)
    np.testing.assert_allclose(ranker.scores(np.ones(2, bool)), [0.3, 0.7], atol=1e-6)
    ranker.add(1)
    np.testing.assert_allclose(ranker.scores(np.ones(2, bool)), [0.3, 0.0], atol=1e-6)


def test_facility_location_ends_where_all_images_add_equally_little() -> None:
    """A model that is sure of everything: more candidates are best than are looked at, at a time."""
    pool = photos(count=2000)
    pool = replace(pool, uncertainty={"entropy": np.zeros(len(pool), np.float32)})
    assert len(set(chosen("facility_entropy", pool, 3))) == 3


def test_stratified_choice_varies_the_cities_where_each_has_one_image() -> None:
    ids = [f"city{k:03d}_000000_000000" for k in range(200)]
    points = np.zeros((200, 2), np.float32)
    pool = pool_of(ids, {i: i[:7] for i in ids}, points, 0, np.random.default_rng(0))
    drawn = [set(chosen("stratified", pool, 8, seed)) for seed in range(5)]
    assert len(set().union(*drawn)) > 30
    assert all(len(one) == 8 for one in drawn)


def test_facility_location_is_lazy_and_exact() -> None:
    """Every choice is the one that a full computation would make, in a pool of many candidates."""
    pool = photos(count=1500)
    points = pool.embeddings / np.linalg.norm(pool.embeddings, axis=1, keepdims=True)
    known = pool.labeled_embeddings / np.linalg.norm(pool.labeled_embeddings, axis=1, keepdims=True)
    similarity = np.maximum(points @ points.T, 0)
    covered = np.maximum((known @ points.T).max(0), 0)
    expected = []
    for _ in range(40):
        gains = np.maximum(similarity - covered, 0) @ pool.uncertainty["entropy"]
        expected.append(pool.ids[int(gains.argmax())])
        covered = np.maximum(covered, similarity[int(gains.argmax())])
    assert chosen("facility_entropy", pool, 40) == expected


def test_class_balanced_counts_a_rare_class_as_much_as_a_frequent_one() -> None:
    pool = photos(count=3, labeled=1)
    share = np.zeros((2, 19), np.float32)
    share[:, 0], share[:, 1] = 0.9, 0.1
    doubt = np.zeros((2, 19), np.float32)
    doubt[0, 0], doubt[1, 1] = 0.2, 0.1
    pool = replace(pool, class_share=share, class_uncertainty=doubt)
    # 0.2 / 0.9 against 0.1 / 0.1
    assert chosen("class_balanced", pool, 1) == [pool.ids[1]]


def test_clasp_gives_its_turns_to_classes_that_are_predicted_somewhere() -> None:
    pool = photos(count=10, labeled=5)  # half of the images: the noise has faded
    entropy = np.full(5, 0.2, np.float32)
    entropy[0] = 0.5
    doubt = np.zeros((5, 19), np.float32)
    doubt[:, 3], doubt[:, 7] = 0.01, 0.01
    doubt[1, 7], doubt[2, 3] = 0.1, 0.1
    known = np.full(19, 1e-4, np.float32)  # as the share of a class that is predicted nowhere
    known[3], known[7] = 0.6, 0.4
    pool = replace(
        pool, uncertainty={"entropy": entropy}, class_uncertainty=doubt, labeled_share=known
    )
    assert (pool.class_share.max(0) > 0).all()
    # Any image, then the doubt about the rarer class, then about the other one.
    assert chosen("clasp", pool, 3) == [pool.ids[0], pool.ids[1], pool.ids[2]]


def test_coverage_prefers_a_class_that_no_label_has() -> None:
    pool = photos(count=4, labeled=1)
    share = np.zeros((3, 19), np.float32)
    share[:, 0] = 1
    share[2, 0], share[2, 5] = 0.9, 0.1
    known = np.zeros(19, np.float32)
    known[0] = 1
    pool = replace(pool, class_share=share, labeled_share=known)
    assert chosen("coverage", pool, 1) == [pool.ids[2]]


def test_dsquared_draws_in_proportion_to_distance_squared_times_entropy() -> None:
    points = np.array([[0.0], [1.0], [2.0]], np.float32)
    ids = [f"c_000000_{k:06d}" for k in range(3)]
    pool = pool_of(ids, dict.fromkeys(ids, "c"), points, 1, np.random.default_rng(0))
    pool = replace(pool, uncertainty={"entropy": np.array([0.8, 0.4], np.float32)})
    far = sum(chosen("dsquared_entropy", pool, 1, seed) == [ids[2]] for seed in range(2000))
    assert far / 2000 == pytest.approx(1.6 / 2.4, abs=0.04)  # 4 x 0.4 against 1 x 0.8


def test_weighted_centers_follow_the_weights() -> None:
    points = np.array([[0.0], [1.0], [10.0]], np.float32)
    centers = weighted_centers(points, np.array([1.0, 3.0, 1.0]), 2, np.random.default_rng(0))
    np.testing.assert_allclose(centers, [[0.75], [10.0]], atol=1e-6)


def test_auto_tells_video_from_photos_and_says_how() -> None:
    rng = np.random.default_rng(0)
    assert share_alike(drives(frames=60), rng) > 0.9
    assert share_alike(photos(count=200), rng) < 0.15
    video, other = decide(drives(frames=60), rng), decide(photos(count=200), rng)
    assert video.strategy == "kcenter_entropy"
    assert "is video: 100 % of the images look almost like a neighbour" in video.why
    assert other.strategy == "facility_entropy"
    assert "is not video: " in other.why


def test_neighbours_that_are_not_alike_are_not_video() -> None:
    # Each is nearest to its neighbour in time, as on a line, but hardly nearer than to any other.
    points = np.eye(40, dtype=np.float32) * 3
    points[1:] += 0.4 * points[:-1]
    ids = [f"c_000000_{k:06d}" for k in range(40)]
    pool = pool_of(ids, dict.fromkeys(ids, "c"), points, 0, np.random.default_rng(0))
    assert decide(pool, np.random.default_rng(0)).strategy == "facility_entropy"
    near = pool_of(
        ids, dict.fromkeys(ids, "c"), points[::2].repeat(2, 0), 0, np.random.default_rng(0)
    )
    assert decide(near, np.random.default_rng(0)).strategy == "kcenter_entropy"


def test_auto_takes_a_tiny_pool_for_photos() -> None:
    assert decide(drives(cities=1, frames=1, labeled=0), np.random.default_rng(0)).strategy

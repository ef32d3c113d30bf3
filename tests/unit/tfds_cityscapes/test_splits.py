import pytest

from tfds_cityscapes.source import Item, SourceError
from tfds_cityscapes.splits import (
    by_ratios,
    carve_cities,
    carve_dev,
    initial_labels,
    label_order,
)

FRACTIONS = ("1/16", "1/8", "1/4", "1/2")


def item(city, sequence, frame, split="train"):
    image_id = f"{city}_{sequence:06d}_{frame:06d}"
    return Item(image_id, city, split, f"leftImg8bit/{split}/{city}/{image_id}_leftImg8bit.png")


def ids(items):
    return [i.image_id for i in items]


CITIES = {"aachen": 174, "bochum": 96, "jena": 119, "ulm": 95, "zurich": 31}
POOL = [item(city, k // 10, k) for city, count in CITIES.items() for k in range(count)]


@pytest.mark.parametrize(("fraction", "guard"), [(0.1, 0), (0.1, 3), (0.5, 1), (0.02, 7)])
def test_carve_dev_partitions_the_items_into_pool_guard_and_dev(fraction, guard):
    pool, dev, gap = carve_dev(POOL, fraction, guard)
    assert sorted(ids(pool + dev + gap)) == sorted(ids(POOL))
    for city, count in CITIES.items():
        mine = [[i for i in part if i.city == city] for part in (pool, gap, dev)]
        assert len(mine[2]) == max(1, round(fraction * count))
        assert len(mine[1]) == guard
        # The order in time is pool, gap, dev.
        in_time = sorted((i for part in mine for i in part), key=lambda i: i.order)
        assert ids(in_time) == [name for part in mine for name in ids(part)]


def test_carve_dev_does_not_depend_on_the_order_of_the_items():
    assert ids(carve_dev(POOL[::-1], 0.1, 2)[1]) == ids(carve_dev(POOL, 0.1, 2)[1])


@pytest.mark.parametrize("guard", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_carve_dev_leaves_a_city_too_small_for_the_guard_in_the_pool(count, guard):
    pool, dev, gap = carve_dev(POOL[:count], 0.1, guard)
    room = count >= guard + 2
    assert (len(pool), len(gap), len(dev)) == (
        (count - guard - 1, guard, 1) if room else (count, 0, 0)
    )


def test_carve_dev_without_a_fraction_makes_no_dev_and_no_gap():
    assert carve_dev(POOL, 0.0, 3) == (sorted(POOL, key=lambda i: i.order), [], [])


def test_ratios_keep_sequences_together_and_come_close_to_the_shares():
    ratios = {"train": 0.7, "val": 0.2, "test": 0.1}
    parts = by_ratios(POOL, ratios, seed=3)
    assert sorted(name for part in parts.values() for name in ids(part)) == sorted(ids(POOL))
    sequences = {
        name: {i.image_id.rpartition("_")[0] for i in part} for name, part in parts.items()
    }
    assert not sequences["train"] & sequences["val"]
    assert not (sequences["train"] | sequences["val"]) & sequences["test"]
    for name, share in ratios.items():
        assert abs(len(parts[name]) - share * len(POOL)) <= 10  # one sequence


def test_ratios_depend_on_the_seed_alone():
    ratios = {"train": 0.8, "val": 0.2}
    first = by_ratios(POOL, ratios, seed=3)
    assert {k: sorted(ids(v)) for k, v in by_ratios(POOL[::-1], ratios, seed=3).items()} == {
        k: sorted(ids(v)) for k, v in first.items()
    }
    assert ids(by_ratios(POOL, ratios, seed=4)["val"]) != ids(first["val"])


def test_ratios_do_not_depend_on_the_order_in_which_a_recipe_writes_them():
    ratios = {"train": 0.6, "val": 0.2, "test": 0.2}
    backwards = dict(reversed(ratios.items()))
    assert by_ratios(POOL, ratios, seed=3) == by_ratios(POOL, backwards, seed=3)


def test_ratios_give_every_split_a_sequence_or_reject_the_data():
    few = [item("aa", k, frame) for k in range(2) for frame in range(5)]
    parts = by_ratios(few, {"train": 0.99, "val": 0.01}, seed=0)
    assert [len(part) for part in parts.values()] == [5, 5]
    with pytest.raises(SourceError, match=r"2, and at least 3 are needed"):
        by_ratios(few, {"train": 0.6, "val": 0.2, "test": 0.2}, seed=0)


def test_initial_labels_of_growing_fractions_are_nested():
    parts = [set(initial_labels(POOL, fraction, seed=5)) for fraction in FRACTIONS]
    assert [len(part) for part in parts] == [32, 64, 129, 258]
    assert parts[0] < parts[1] < parts[2] < parts[3] < set(ids(POOL))


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_initial_labels_are_proportional_to_the_cities(fraction):
    chosen = initial_labels(POOL, fraction, seed=5)
    share = int(fraction[0]) / int(fraction[2:])
    for city, count in CITIES.items():
        assert abs(sum(i.startswith(f"{city}_") for i in chosen) - share * count) < 1.01


def test_initial_labels_have_the_standard_sizes_for_cityscapes():
    # 2,975 train images of 18 cities; only their number matters here.
    pool = [item(f"city{k % 18:02d}", k, 0) for k in range(2975)]
    assert [len(initial_labels(pool, f, seed=0)) for f in FRACTIONS] == [186, 372, 744, 1488]


def test_initial_labels_depend_on_the_seed_alone():
    assert initial_labels(POOL, "1/8", 5) == initial_labels(POOL[::-1], "1/8", 5)
    assert initial_labels(POOL, "1/8", 5) != initial_labels(POOL, "1/8", 6)


def test_initial_labels_accept_a_number_all_and_none():
    assert initial_labels(POOL, 0, 5) == []
    assert initial_labels(POOL, 7, 5) == sorted(label_order(POOL, 5)[:7])
    assert initial_labels(POOL, 10_000, 5) == initial_labels(POOL, "all", 5) == sorted(ids(POOL))


def test_whole_cities_become_dev_and_the_pool_has_nothing_of_them() -> None:
    items = [Item(f"{c}_000000_{k:06d}", c, "train", "x") for c in "abcd" for k in range(10)]
    for seed in range(4):
        pool, dev = carve_cities(items, 0.3, [], seed)
        assert {i.city for i in pool} | {i.city for i in dev} == set("abcd")
        assert not {i.city for i in pool} & {i.city for i in dev}
        assert len(dev) == 20  # the fewest whole cities that reach 12 frames
    assert {tuple(i.city for i in carve_cities(items, 0.1, [], s)[1]) for s in range(9)} != {1}
    pool, dev = carve_cities(items, 0.1, ["c"], 0)
    assert {i.city for i in dev} == {"c"}
    assert len(pool) == 30


def test_one_city_is_never_taken_from_the_pool() -> None:
    items = [Item(f"a_000000_{k:06d}", "a", "train", "x") for k in range(10)]
    assert carve_cities(items, 0.5, [], 0) == (items, [])
    with pytest.raises(SourceError, match="No city is left for the pool"):
        carve_cities(items, 0.5, ["a"], 0)
    with pytest.raises(SourceError, match=r"There is no city b\. The train part has a\."):
        carve_cities(items, 0.5, ["b"], 0)

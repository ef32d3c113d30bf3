"""The sample of predictions that a cycle leaves for the next one."""

from __future__ import annotations

import numpy as np
import pytest

from components.contracts.forecast.sample import PoolSample, agreement, sample_of


def sample(**maps: list[list[int]]) -> PoolSample:
    found = PoolSample("m")
    for image_id, rows in maps.items():
        found.add(image_id, np.array(rows, np.uint8))
    return found


def test_a_sample_survives_its_file() -> None:
    before = sample(a=[[1, 2], [3, 18]], b=[[0, 0, 7]])
    after = PoolSample.decode(before.encode())
    assert after.model == "m"
    assert list(after.maps) == ["a", "b"]
    for image_id, train_ids in before.maps.items():
        np.testing.assert_array_equal(after.maps[image_id], train_ids)
    assert PoolSample.decode(PoolSample("m").encode()).maps == {}


def test_a_large_label_map_is_thinned_out_and_a_small_one_is_not() -> None:
    large = (np.arange(1024 * 2048).reshape(1024, 2048) % 19).astype(np.uint8)
    found = PoolSample("m")
    found.add("large", large)
    found.add("small", large[:50, :60])
    np.testing.assert_array_equal(found.maps["large"], large[::16, ::16])
    assert found.maps["small"].shape == (50, 60)


def test_a_hundred_images_are_small_on_the_disk() -> None:
    blocks = np.kron(np.arange(8).reshape(2, 4), np.ones((32, 32))).astype(np.uint8)
    found = PoolSample("m")
    for number in range(100):
        found.add(f"city_000000_{number:06d}", np.roll(blocks, number, 1))
    assert len(found.encode()) < 60_000


def test_the_sample_is_a_hundred_images_that_growth_hardly_changes() -> None:
    ids = [f"city_{number:04d}" for number in range(400)]
    first = sample_of(ids)
    assert len(first) == 100
    assert first == sorted(first)
    assert sample_of(ids[::-1]) == first
    assert sample_of(ids[:7]) == ids[:7]
    asked = first[0]
    rest = sample_of(i for i in ids if i != asked)
    assert len(set(rest) & set(first)) == 99


def test_agreement_counts_the_pixels_of_the_images_in_common() -> None:
    # Over a and b together: 6 of 8 pixels agree; shares 4/8 and 4/8 against 4/8 and 4/8.
    one = sample(a=[[0, 0], [1, 1]], b=[[0, 0], [1, 1]], c=[[5]])
    other = sample(a=[[0, 0], [1, 1]], b=[[0, 1], [0, 1]], d=[[6]])
    assert agreement(one, other) == (pytest.approx(0.5), 2)


def test_images_of_another_size_are_left_out() -> None:
    one, other = sample(a=[[0, 1]], b=[[2, 3]]), sample(a=[[0], [1]], b=[[2, 3]])
    assert agreement(one, other) == (pytest.approx(1), 1)
    assert agreement(sample(a=[[0, 1]]), sample(a=[[0], [1]])) is None
    assert agreement(sample(a=[[0, 1]]), sample(b=[[0, 1]])) is None

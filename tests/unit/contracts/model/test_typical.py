"""Typical images: one for each group that looks alike, and from every place its share."""

from __future__ import annotations

import numpy as np
import pytest

from components.contracts.model.typical import Typical

NOTHING = np.zeros((0, 2), np.float32)


def groups(*sizes: int, spread: float = 0.1, seed: int = 0) -> np.ndarray:
    """Points around the corners of a line, far apart."""
    rng = np.random.default_rng(seed)
    centers = np.repeat(10.0 * np.arange(len(sizes)), sizes)
    points = np.stack([centers, np.zeros(len(centers))], 1)
    return (points + rng.normal(0, spread, points.shape)).astype(np.float32)


def one_place(points: np.ndarray) -> list[np.ndarray]:
    return [np.zeros(len(points), int)]


def choose(
    points: np.ndarray, count: int, places: list[np.ndarray], known: np.ndarray = NOTHING
) -> list[int]:
    rng = np.random.default_rng(3)
    return Typical(points, known, places, count, rng).choose(count)


def test_each_group_gives_its_middle_and_the_largest_comes_first() -> None:
    points = groups(5, 20, 9)
    chosen = choose(points, 3, one_place(points))
    assert [np.searchsorted([5, 25], i, "right") for i in chosen] == [1, 2, 0]
    for index, group in zip(chosen, (np.s_[5:25], np.s_[25:], np.s_[:5]), strict=True):
        away = np.linalg.norm(points[group] - points[group].mean(0), axis=1)
        assert index - group.indices(len(points))[0] == away.argmin()


def test_groups_with_a_known_image_are_left_out() -> None:
    points = groups(5, 20, 9)
    known = points[7:8] + 0.05
    chosen = choose(points, 2, one_place(points), known)
    assert sorted(np.searchsorted([5, 25], i, "right") for i in chosen) == [0, 2]


@pytest.mark.parametrize("count", [1, 3, 4, 7, 30])
@pytest.mark.parametrize("seed", range(4))
def test_no_place_gets_more_than_its_share_rounded_up(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(30, 2)).astype(np.float32)
    drive = np.sort(rng.integers(0, 9, 30))
    places = [drive // 3, drive]
    chosen = choose(points, count, places)
    assert len(set(chosen)) == len(chosen) == count
    for place in places:
        size = np.bincount(place)
        got = np.bincount(place[chosen], minlength=len(size))
        assert (got <= np.ceil(count * size / 30)).all(), (got, size)


def test_more_images_than_there_are_are_all_of_them() -> None:
    points = groups(2, 3)
    assert sorted(choose(points, 9, one_place(points))) == [0, 1, 2, 3, 4]


def test_images_that_all_look_the_same_can_be_chosen_from() -> None:
    points = np.zeros((6, 2), np.float32)
    assert len(set(choose(points, 3, one_place(points)))) == 3

"""The order of the images: whole ones once an epoch, others as often as their labeled area says."""

from __future__ import annotations

import numpy as np
import pytest

from components.train.input.order import Order, epoch_of, weights


@pytest.mark.parametrize(("total", "size"), [(5, 2), (7, 3), (3, 8), (1, 4)])
def test_whole_images_are_seen_once_per_epoch_in_a_new_order(total: int, size: int) -> None:
    order = Order(np.ones(total), 9, 0)
    places = [i for step in range(total) for i in order.batch(step, size)]
    epochs = [tuple(places[k : k + total]) for k in range(0, len(places), total)]
    assert all(sorted(epoch) == list(range(total)) for epoch in epochs)
    if total > 4:
        assert len(set(epochs)) > 1


def test_orders_differ_between_seeds() -> None:
    assert Order(np.ones(50), 9, 0).batch(0, 50) != Order(np.ones(50), 9, 1).batch(0, 50)


def test_a_step_sees_the_same_images_whatever_was_asked_before() -> None:
    drawn = np.array([1, 0.1, 0.1, 0.3])
    steps = [Order(drawn, 4).batch(step, 2) for step in range(20)]
    again = Order(drawn, 4)
    assert [again.batch(step, 2) for step in reversed(range(20))] == steps[::-1]


def test_an_image_is_drawn_as_often_as_its_labeled_share_says() -> None:
    shares = np.array([0.9, 0.85, 0.6, 0.45, 0.09, 0.3])
    drawn = weights(shares)
    np.testing.assert_allclose(drawn, [1, 1, 1, 1, 0.1, 1 / 3])
    order, length = Order(drawn, 0), 4  # 4.43 is rounded
    epochs = [order.batch(epoch, length) for epoch in range(3000)]
    often = np.bincount(np.concatenate(epochs), minlength=6) / 3000
    np.testing.assert_allclose(often, drawn * 4 / drawn.sum(), atol=0.02)
    assert all(len(set(epoch)) == length for epoch in epochs)  # none twice


def test_few_images_are_drawn_by_their_weights_in_epochs_of_a_whole_length() -> None:
    for drawn, expected in (([1, 0.4], [0.714, 0.286]), ([1, 0.3, 0.3], [1.25, 0.375, 0.375])):
        epochs = [epoch_of(np.array(drawn), np.random.default_rng(seed)) for seed in range(4000)]
        often = np.bincount(np.concatenate(epochs), minlength=len(drawn)) / 4000
        np.testing.assert_allclose(often, expected, atol=0.02)


def test_sets_without_partly_labeled_images_are_drawn_evenly() -> None:
    assert weights(np.array([0.5, 0.9, 1.0])).tolist() == [1, 1, 1]
    assert weights(np.zeros(3)).tolist() == [1, 1, 1]
    assert weights(np.zeros(0)).tolist() == []


@pytest.mark.parametrize("drawn", [[0.01, 0.02], [1.0, 0.001], [0.1] * 7])
def test_an_epoch_is_never_empty(drawn: list[float]) -> None:
    epoch = epoch_of(np.array(drawn), np.random.default_rng(0))
    assert len(epoch) == 1
    assert 0 <= epoch[0] < len(drawn)

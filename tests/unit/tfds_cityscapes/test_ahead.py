"""Results in threads, ahead of who takes them."""

from __future__ import annotations

import threading
import time

import pytest

from tfds_cityscapes.ahead import compute_ahead


@pytest.mark.parametrize("workers", [1, 3])
def test_results_and_errors_come_in_order_and_an_error_ends_nothing(workers: int) -> None:
    def double(n: int) -> int:
        if n == 2:
            raise ValueError("two")
        return 2 * n

    found: list[object] = []
    for item, computed in compute_ahead(double, range(6), workers):
        try:
            found.append((item, computed()))
        except ValueError as error:
            found.append((item, str(error)))
    assert found == [(0, 0), (1, 2), (2, "two"), (3, 6), (4, 8), (5, 10)]


def test_threads_work_at_the_same_time_and_not_too_far_ahead() -> None:
    both = threading.Barrier(2, timeout=60)  # passed only by two threads together
    begun: list[int] = []

    def meet(n: int) -> int:
        begun.append(n)
        if n < 2:
            both.wait()
        return n

    results = compute_ahead(meet, range(100), 2)
    item, computed = next(results)
    assert (item, computed()) == (0, 0)
    assert max(begun) <= 2


def test_what_has_not_begun_is_cancelled() -> None:
    gate, begun = threading.Event(), []

    def wait(n: int) -> int:
        begun.append(n)
        gate.wait(60)
        return n

    results = compute_ahead(wait, range(100), 2)
    next(results)  # three are wanted, and two threads are busy
    while len(begun) < 2:
        time.sleep(0.01)
    threading.Timer(0.2, gate.set).start()
    results.close()  # type: ignore[attr-defined]
    assert sorted(begun) == [0, 1]

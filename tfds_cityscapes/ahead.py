"""Compute items in threads, ahead of who takes them, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def compute_ahead(
    function: Callable[[A], B], items: Iterable[A], workers: int
) -> Iterator[tuple[A, Callable[[], B]]]:
    """Yield each item, in order, with a function that returns its result or raises its error.

    Threads pay off for what leaves Python's lock, such as OpenCV's work on images. Only `workers` + 1
    results are in memory at a time.

    Args:
      function: of an item.
      items: any number of them.
      workers: threads; 1 computes each result where it is taken.
    """
    if workers == 1:
        for item in items:
            yield item, lambda item=item: function(item)  # type: ignore[misc]
        return
    with ThreadPoolExecutor(workers) as pool:
        begun: deque[tuple[A, Future[B]]] = deque()
        try:
            for item in items:
                begun.append((item, pool.submit(function, item)))
                if len(begun) > workers:
                    taken, future = begun.popleft()
                    yield taken, future.result
            while begun:
                taken, future = begun.popleft()
                yield taken, future.result
        finally:
            for _, future in begun:
                future.cancel()

"""Measure ways of doing the same by turns, and hand the ratios to the runner (`benchmarks.run`).

Of the standard library only: one benchmark runs in an environment without our packages.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "STREETLOOP_BENCH_FIGURES"  # names the file to which figures are added


@dataclass(frozen=True)
class Figure:
    """What was measured, one value per round, and what is wanted.

    Attributes:
      what: the work.
      against: the peer, or what the limit is about.
      values: of the rounds, without the warm-up.
      target: the least or the largest that is good.
      unit: "times" for a ratio of speeds; else what the values are.
      at_least: whether a larger value is better.
    """

    what: str
    against: str
    values: tuple[float, ...]
    target: float
    unit: str = "times"
    at_least: bool = True

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        return self.median >= self.target if self.at_least else self.median <= self.target

    def show(self) -> str:
        spread = f"{min(self.values):.3g} to {max(self.values):.3g}"
        sign = ">=" if self.at_least else "<="
        return (
            f"{self.what}, against {self.against}: {self.median:.3g} {self.unit} ({spread}, "
            f"{len(self.values)} rounds); wanted {sign} {self.target:g}"
        )


def report(figure: Figure) -> None:
    """Print a figure, and add it to the runner's file."""
    print(figure.show(), flush=True)
    if path := os.environ.get(FILE):
        with Path(path).open("a") as file:
            file.write(json.dumps(asdict(figure)) + "\n")


def read_figures(path: Path) -> list[Figure]:
    """Return what has been reported."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [Figure(**row | {"values": tuple(row["values"])}) for row in rows]


def by_turns(
    ways: Mapping[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the seconds of each way and round; a first round warms up and does not count."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            start = clock()
            way()
            if number:
                taken[name].append(clock() - start)
    return taken


def speedups(peer: Sequence[float], ours: Sequence[float]) -> tuple[float, ...]:
    """Return how many times as fast ours is, by round."""
    return tuple(other / own for other, own in zip(peer, ours, strict=True))

"""Measure how often the forecast's 80 % intervals hold, on curves whose continuation is known.

    python -m benchmarks.forecast                       simulated curves
    python -m benchmarks.forecast runs/sim runs/sim2    the curves that `streetloop simulate` left there

A simulated curve is a law with random parameters, sampled with noise as fits with other seeds have it. The
power law is what the forecast assumes; the two others are not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.contracts.forecast.forecast import Forecast, forecast_of
from components.contracts.forecast.power_law import Point, futures_of

Law = Callable[[np.ndarray], np.ndarray]
_INTERVAL = (0.1, 0.9)


class Curve(NamedTuple):
    """Labels and scores in the order of the cycles, and the law behind them, if it is known."""

    labels: np.ndarray
    scores: np.ndarray
    law: Law | None

    def points(self, count: int) -> list[Point]:
        """Return the first points."""
        rows = zip(self.labels[:count].tolist(), self.scores[:count].tolist(), strict=True)
        return list(rows)


class Tally:
    """How often intervals held, of how many."""

    def __init__(self) -> None:
        self.next: list[bool] = []
        self.twice: list[bool] = []
        self.labels: list[bool] = []
        self.open: list[bool] = []
        self.said: list[bool] = []

    def add(self, curve: Curve, count: int) -> None:
        """Forecast a curve from its first points, and compare with the rest."""
        points = curve.points(count)
        futures = futures_of(points)
        if futures is not None and count < len(curve.labels):
            self.next.append(
                _holds(futures.scores(curve.labels[count : count + 1]), curve.scores[count])
            )
            twice = np.flatnonzero(curve.labels == 2 * curve.labels[count - 1])
            if twice.size:
                self.twice.append(
                    _holds(futures.scores(curve.labels[twice]), curve.scores[twice[0]])
                )
        found = forecast_of(points, None)
        assert found is not None
        self.said.append(found.outcome == "forecast")
        if found.outcome == "forecast" and curve.law is not None:
            self.open.append(found.high is None)
            self.labels.append(_labels_hold(found, curve.law, points[-1][0]))

    def row(self) -> str:
        """Return the shares in percent."""
        return " ".join(
            f"{100 * float(np.mean(v)):6.0f} %" if v else "       –"
            for v in (self.next, self.twice, self.labels, self.said, self.open)
        )


def _holds(scores: np.ndarray, truth: float) -> bool:
    low, high = np.quantile(scores[:, 0], _INTERVAL)
    return bool(low <= truth <= high)


def _labels_hold(found: Forecast, law: Law, newest: int) -> bool:
    """Return whether the interval has the number with which the law itself reaches the target."""
    assert found.low is not None
    more = np.arange(1, 1000 * newest)
    reached = np.flatnonzero(law(newest + more) >= found.target)
    if not reached.size:
        return found.high is None
    needed = int(more[reached[0]])
    return found.low <= needed and (found.high is None or needed <= found.high)


def simulated(kind: str, noise: float, rng: np.random.Generator) -> Curve:
    """Draw a curve of 17 cycles; every cycle labels as many images as the first one, or half as many."""
    first = int(rng.choice([4, 8, 16, 32]))
    step = first // int(rng.choice([1, 2]))
    labels = first + step * np.arange(33)
    top = rng.uniform(0.45, 0.9)
    rise = rng.uniform(0.3, 0.8) * top
    speed = np.exp(rng.uniform(np.log(0.25), np.log(1.25)))
    laws: dict[str, Law] = {
        "power": lambda n: top - rise * (np.asarray(n, float) / first) ** -speed,
        "exponential": lambda n: (
            top - rise * np.exp(-(np.asarray(n, float) / first - 1) * speed / 2)
        ),
        "logarithm": lambda n: np.minimum(
            top, top - rise + 0.25 * rise * np.log2(np.asarray(n, float) / first)
        ),
    }
    law = laws[kind]
    scores = np.clip(law(labels) + noise * rng.normal(size=len(labels)), 0, 1)
    return Curve(labels, scores, law)


def measured(root: Path) -> Iterator[Curve]:
    """Read the curves of a simulation: one for each strategy and seed."""
    for path in sorted(root.glob("simulations/*/*.json")):
        rows = json.loads(path.read_text())["points"]
        labels = np.array([row["labels"] for row in rows])
        yield Curve(labels, np.array([row["miou"] for row in rows]), None)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the coverage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("roots", nargs="*", type=Path, help="of simulations")
    parser.add_argument("--curves", type=int, default=300, help="of each row (default: 300)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    print(f"{'curves':<13}{'noise':>7}{'points':>8}   next   at twice  labels   said    open")
    if args.roots:
        curves = [curve for root in args.roots for curve in measured(root)]
        for count in range(3, max((len(c.labels) for c in curves), default=0)):
            tally = Tally()
            long = [c for c in curves if len(c.labels) > count]
            for curve in long:
                tally.add(curve, count)
            print(f"{len(long):<13}{'':>7}{count:>8} {tally.row()}")
        return 0
    for kind in ("power", "exponential", "logarithm"):
        for noise in (0.005, 0.01, 0.02):
            rng = np.random.default_rng(args.seed)
            curves = [simulated(kind, noise, rng) for _ in range(args.curves)]
            for count in (3, 4, 6, 10):
                tally = Tally()
                for curve in curves:
                    tally.add(curve, count)
                print(f"{kind:<13}{100 * noise:>6.1f} {count:>8} {tally.row()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

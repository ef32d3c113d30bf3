"""Means, spreads and paired differences of a few fits."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEVEL = 0.95
_HALVINGS = 80  # of (0, pi / 2): far below the precision of a float


@dataclass(frozen=True)
class Summary:
    """The mean of n values, their spread, and the half width of the mean's interval.

    Attributes:
      spread: the sample's standard deviation (divided by n - 1); None if n < 2.
      half: of the `LEVEL` interval by Student's t; None if n < 2.
    """

    n: int
    mean: float
    spread: float | None
    half: float | None


def summary(values: Sequence[float]) -> Summary | None:
    """Summarizes values; None if there is none."""
    n = len(values)
    if n == 0:
        return None
    mean = statistics.fmean(values)
    if n == 1:
        return Summary(1, mean, None, None)
    spread = statistics.stdev(values)
    return Summary(n, mean, spread, t_quantile(n - 1) * spread / math.sqrt(n))


def paired(one: Mapping[int, float], base: Mapping[int, float]) -> Summary | None:
    """Summarizes `one` minus `base` over the seeds that both have; None if they share none.

    The same seed means the same labeled images, order and first weights: what the two share
    cancels out.
    """
    return summary([one[seed] - base[seed] for seed in sorted(one.keys() & base.keys())])


def t_quantile(degrees: int, level: float = LEVEL) -> float:
    """The t with P(|T| <= t) = level for Student's T of so many degrees of freedom.

    Halves an interval on the exact finite sums for whole degrees (Abramowitz & Stegun, 1964,
    26.7.3 and 26.7.4).
    """
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _within(middle, degrees) < level:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan((low + high) / 2)


def _within(angle: float, degrees: int) -> float:
    """P(|T| <= sqrt(degrees) * tan(angle))."""
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(2 + odd, degrees - 1, 2):
        term *= square * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total

"""Means, standard deviations and paired differences of a few fits."""

from __future__ import annotations

import math
import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

LEVEL = 0.95
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Summary:
    """The mean of n values, their spread, and the half width of the mean's confidence interval.

    Attributes:
      spread: the sample's standard deviation (divided by n - 1); None if n < 2.
      half: of the interval by Student's t; None if n < 2.
    """

    n: int
    mean: float
    spread: float | None
    half: float | None

    @property
    def low(self) -> float | None:
        """The lower end of the interval."""
        return None if self.half is None else self.mean - self.half

    @property
    def high(self) -> float | None:
        """The upper end of the interval."""
        return None if self.half is None else self.mean + self.half


def summary(values: Sequence[float], level: float = LEVEL) -> Summary | None:
    """Summarize values; None for no values."""
    n = len(values)
    if n == 0:
        return None
    mean = statistics.fmean(values)
    if n == 1:
        return Summary(1, mean, None, None)
    spread = statistics.stdev(values)
    return Summary(n, mean, spread, t_quantile(n - 1, level) * spread / math.sqrt(n))


def paired(
    one: Mapping[Key, float], base: Mapping[Key, float], level: float = LEVEL
) -> Summary | None:
    """Summarize `one` minus `base` over the seeds that both have; None if they share none.

    The same seed means the same labeled images, order and initial weights: what the two have in
    common cancels out. A key may hold more than the seed, such as the place that is held out.
    """
    return summary([value - base[key] for key, value in one.items() if key in base], level)


def t_quantile(degrees: int, level: float = LEVEL) -> float:
    """Return the t with P(|T| <= t) = level for Student's T with this many degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, degrees))

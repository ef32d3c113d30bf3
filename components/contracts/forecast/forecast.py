"""How many more labels a target takes, and what the next models may score: in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from components.contracts.forecast.power_law import Futures, Point, futures_of
from components.contracts.scores.report import Count, Fraction, Stored

FEWEST_POINTS = 3  # with different numbers of labels: the law has three parameters
_STEP = 0.05  # without a target in the recipe: so much more than the newest model
_LOW, _MIDDLE, _HIGH = 0.1, 0.5, 0.9  # an interval of 80 %
# Ten times as many labels are as far as extrapolations of such curves have been tested (Mahmood et al., 2022).
_FARTHEST = 10
_AHEAD, _STEPS = 2, 12  # the band ends at so many times the labels of the newest model


class Band(Stored):
    """What models trained with so many labels may score: 80 % of them between `low` and `high`."""

    labels: Count
    low: Fraction
    middle: Fraction
    high: Fraction


class Forecast(Stored):
    """The continuation of a campaign's learning curve, mIoU on `val`.

    Attributes:
      target: the mIoU to reach.
      given: whether the recipe names it; else it is five points above the newest model.
      points: cycles with different numbers of labels.
      outcome: `forecast`, or why there is none: the newest model has `reached` the target, there are
        `too_few` points, or the curve is too flat or too noisy to tell (`unclear`).
      labels: how many more labels the target takes: the median.
      low, high: the interval of 80 %; `high` is null if it has no end within ten times the labels so far.
      band: the curve from the first point on; empty without one.
    """

    target: Fraction
    given: bool
    points: Count
    outcome: Literal["forecast", "reached", "too_few", "unclear"]
    labels: Count | None = None
    low: Count | None = None
    high: Count | None = None
    band: tuple[Band, ...] = ()

    @property
    def words(self) -> str:
        """The forecast in a sentence."""
        goal = f"{100 * self.target:.1f} % mIoU"
        if not self.given:
            goal = f"{100 * _STEP:.0f} points more ({goal})"
        if self.outcome == "reached":
            return f"The newest model has reached the target of {goal}."
        if self.outcome == "too_few":
            return (
                f"How many labels {goal} takes can be said after {FEWEST_POINTS} cycles with different "
                f"numbers of labels; so far there {'is' if self.points == 1 else 'are'} {self.points}."
            )
        if self.outcome == "unclear":
            return (
                f"How many labels {goal} takes cannot be said from {self.points} cycles: the learning curve "
                "is too flat or too noisy."
            )
        end = f"to {self.high:,}" if self.high is not None else "or more"
        return f"About {self.labels:,} more labels for {goal}; 80 % interval: {self.low:,} {end}."

    def metrics(self) -> dict[str, float | None]:
        """Return the numbers as metrics of MLflow."""
        return {
            "forecast/target": self.target,
            "forecast/labels": self.labels,
            "forecast/labels_low": self.low,
            "forecast/labels_high": self.high,
        }


def forecast_of(points: Sequence[Point], target: float | None) -> Forecast | None:
    """Continue the learning curve of a campaign.

    Args:
      points: labeled images and mIoU of each cycle's own model, in the order of the cycles.
      target: the mIoU to reach; None for five points above the newest model.

    Returns:
      The forecast; None before the first point. The same points give the same forecast.
    """
    usable = [(labels, score) for labels, score in points if labels > 0]
    if not usable:
        return None
    newest, score = usable[-1]
    goal = min(1.0, score + _STEP) if target is None else target
    different = len({labels for labels, _ in usable})
    base = Forecast(target=goal, given=target is not None, points=different, outcome="unclear")
    futures = futures_of(usable) if different >= FEWEST_POINTS else None
    if futures is not None:
        base = base.model_copy(update={"band": _band(futures, max(n for n, _ in usable))})
    if score >= goal:
        return base.model_copy(update={"outcome": "reached"})
    if different < FEWEST_POINTS:
        return base.model_copy(update={"outcome": "too_few"})
    if futures is None:
        return base
    return base.model_copy(update=_labels(futures, goal, newest))


def _labels(futures: Futures, goal: float, newest: int) -> dict[str, object]:
    needed = np.sort(futures.labels_for(goal))
    # The draws themselves, not values between them: some are infinite.
    low, middle, high = (needed[int(share * len(needed))] for share in (_LOW, _MIDDLE, _HIGH))
    farthest = _FARTHEST * newest
    if middle > farthest:
        return {}
    return {
        "outcome": "forecast",
        "labels": _more(middle, newest),
        "low": _more(low, newest),
        "high": _more(high, newest) if high <= farthest else None,
    }


def _more(needed: float, newest: int) -> int:
    """Return how many labels are missing: at least one, as the newest model does not reach the target."""
    return max(1, int(np.ceil(needed)) - newest)


def _band(futures: Futures, newest: int) -> tuple[Band, ...]:
    labels = np.unique(np.geomspace(futures.first, _AHEAD * newest, _STEPS).round().astype(int))
    quantiles = np.quantile(futures.scores(labels), (_LOW, _MIDDLE, _HIGH), axis=0)
    rows = zip(labels.tolist(), *quantiles.round(4).tolist(), strict=True)
    return tuple(Band(labels=n, low=low, middle=middle, high=high) for n, low, middle, high in rows)

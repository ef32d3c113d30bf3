"""What the curves of a simulation say: areas, labels saved, paired differences and wins.

The rules are those of careful comparisons (Luth et al., 2023; nnActive, 2025): the same first labels
and initial weights per seed, models fitted from scratch, whole curves, paired differences.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from pipelines.experiment.statistics import Summary, paired, summary
from pipelines.simulate.plan import Design
from pipelines.simulate.result import TrialResult
from pipelines.simulate.ways import way_of

LEVEL = 0.90  # of the intervals
SHARES = (0.90, 0.95)  # of the score with all labels


class Interval(BaseModel):
    """A mean and the ends of its interval, in points; no ends if there is one seed."""

    n: int
    mean: float
    low: float | None
    high: float | None


class Row(BaseModel):
    """One strategy.

    Attributes:
      curve: mean mIoU in percent by number of labels, over its seeds.
      spread: the standard deviations; None with one seed.
      images: mean number of images that are labeled, if only in part, by number of labels.
      area: mean area under the budget curve, in percent: the mean of the mIoU over log2(labels).
      difference: of the area to the baseline's, paired by seed; None for the baseline itself.
      at_budget: the difference of the mIoU by number of labels.
      labels_for: for each share of the score with all labels, the number of labels at which the mean
        curve reaches it; None if it never does, or the score with all labels is not known.
      classes: difference of each class's IoU to the baseline's, averaged over budgets, in points.
      chose: the strategies that `auto` used.
      wins: strategy -> share of the budgets at which this one is better, with an interval without 0.
    """

    strategy: str
    seeds: int
    curve: dict[int, float]
    spread: dict[int, float | None]
    images: dict[int, float]
    area: float
    difference: Interval | None
    at_budget: dict[int, Interval]
    labels_for: dict[str, int | None]
    classes: dict[str, float]
    chose: list[str]
    wins: dict[str, float]


class Analysis(BaseModel):
    """A simulation: `simulation.json`.

    Attributes:
      pool: number of images that can be asked for.
      all_labels: mean mIoU in percent with all of them labeled; None until it is known.
    """

    format: int = 1
    recipe: str
    baseline: str
    split: str
    budgets: list[int]
    pool: int
    all_labels: float | None
    rows: list[Row]
    complete: bool
    seconds_per_fit: float


Curves = Mapping[int, TrialResult]  # by seed


def analyse(
    recipe: str, design: Design, pool: int, results: Sequence[TrialResult]
) -> Analysis | None:
    """Analyse the finished trials; None if there is none with a strategy."""
    named: dict[str, dict[int, TrialResult]] = {}
    for result in results:
        if result.strategy is not None:
            named.setdefault(result.strategy, {})[result.seed] = result
    if not named:
        return None
    full = [100 * r.points[-1].miou for r in results if r.strategy is None]
    everything = statistics.fmean(full) if full else None
    rows = [_row(name, named, design, everything) for name in design.strategies if name in named]
    return Analysis(
        recipe=recipe,
        baseline=design.baseline,
        split=design.split,
        budgets=list(design.budgets),
        pool=pool,
        all_labels=everything,
        rows=rows,
        complete=len(results) == (len(design.strategies) + 1) * len(design.seeds),
        seconds_per_fit=statistics.fmean(p.seconds for r in results for p in r.points),
    )


def area(curve: Mapping[int, float]) -> float:
    """Return the area under a budget curve over log2(labels), divided by its range."""
    budgets = sorted(curve)
    if len(budgets) == 1:
        return curve[budgets[0]]
    width = math.log2(budgets[-1] / budgets[0])
    total = sum(
        math.log2(after / before) * (curve[before] + curve[after]) / 2
        for before, after in itertools.pairwise(budgets)
    )
    return total / width


def _row(name: str, named: Mapping[str, Curves], design: Design, everything: float | None) -> Row:
    mine, base = named[name], named.get(design.baseline, {})
    curve = {b: summary(list(_mious(mine, b).values())) for b in design.budgets}
    means = {b: s.mean for b, s in curve.items() if s is not None}
    others = {other: rows for other, rows in named.items() if other != name}
    compared = name != design.baseline
    return Row(
        strategy=name,
        seeds=len(mine),
        curve=means,
        spread={b: s.spread for b, s in curve.items() if s is not None},
        images=_images(mine),
        area=statistics.fmean(_areas(mine).values()),
        difference=_interval(paired(_areas(mine), _areas(base), LEVEL)) if compared else None,
        at_budget={
            b: interval
            for b in design.budgets
            if compared and (interval := _interval(_difference(mine, base, b))) is not None
        },
        labels_for={f"{s:.0%}": _labels_for(means, s, everything) for s in SHARES},
        classes=_classes(mine, base) if compared else {},
        chose=sorted({p.by for r in mine.values() for p in r.points[1:]})
        if way_of(name).strategy == "auto"
        else [],
        wins={other: _wins(mine, theirs, design.budgets[1:]) for other, theirs in others.items()},
    )


def _mious(curves: Curves, budget: int) -> dict[int, float]:
    return {
        seed: 100 * point.miou
        for seed, result in curves.items()
        for point in result.points
        if point.labels == budget
    }


def _images(curves: Curves) -> dict[int, float]:
    counts: dict[int, list[int]] = {}
    for result in curves.values():
        asked: set[str] = set()
        for point in result.points:
            asked |= {name.partition("#")[0] for name in point.asked}
            counts.setdefault(point.labels, []).append(len(asked))
    return {budget: statistics.fmean(found) for budget, found in counts.items()}


def _areas(curves: Curves) -> dict[int, float]:
    return {s: area({p.labels: 100 * p.miou for p in r.points}) for s, r in curves.items()}


def _difference(one: Curves, other: Curves, budget: int) -> Summary | None:
    return paired(_mious(one, budget), _mious(other, budget), LEVEL)


def _interval(values: Summary | None) -> Interval | None:
    if values is None:
        return None
    return Interval(n=values.n, mean=values.mean, low=values.low, high=values.high)


def _labels_for(curve: Mapping[int, float], share: float, everything: float | None) -> int | None:
    if everything is None:
        return None
    return min((b for b, miou in curve.items() if miou >= share * everything), default=None)


def _classes(mine: Curves, base: Curves) -> dict[str, float]:
    """Return each class's mean difference over the seeds and budgets that both have."""
    gains: dict[str, list[float]] = {}
    for seed in mine.keys() & base.keys():
        for one, other in zip(mine[seed].points[1:], base[seed].points[1:], strict=True):
            for name, iou in one.classes.items():
                gains.setdefault(name, []).append(100 * (iou - other.classes[name]))
    return {name: statistics.fmean(values) for name, values in sorted(gains.items())}


def _wins(mine: Curves, theirs: Curves, budgets: Sequence[int]) -> float:
    """Return the share of budgets with a clear difference in favour (Ash et al., 2020)."""
    differences = [_difference(mine, theirs, b) for b in budgets]
    clear = [d for d in differences if d and d.low is not None and d.low > 0]
    return len(clear) / len(budgets) if budgets else 0.0

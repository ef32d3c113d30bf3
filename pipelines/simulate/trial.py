"""Carry out one trial: fit, score, choose, and again, until the last budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from components.contracts.process.progress import Progress
from components.contracts.scores.summary import Scores
from components.query.facts import blind_pool, pool_of
from components.query.pick import pick
from components.query.strategies import looks
from components.train.frozen.fit import HeadPredictor
from pipelines.simulate.bed import Bed, Fitted
from pipelines.simulate.plan import Design, Name, Trial
from pipelines.simulate.result import Point


class Runner:
    """Carries out trials on one bed. Fits that several trials share are made once."""

    def __init__(self, bed: Bed, design: Design, min_gap: int) -> None:
        self._bed, self._design, self._gap = bed, design, min_gap
        self._first: dict[int, Fitted] = {}

    def run(self, trial: Trial) -> list[Point]:
        """Return one point per budget; one alone if all labels are used."""
        design, bed = self._design, self._bed
        steps = design.head.steps
        if trial.strategy is None:
            progress = Progress("simulate", "steps", steps)
            fitted = bed.fit(bed.pool, trial.seed, _told(progress, trial, bed.pool, 0))
            return [_point(len(bed.pool), [], "all", fitted.scores, fitted.seconds)]
        progress = Progress("simulate", "steps", len(design.rounds) * steps)
        labeled, _ = self._pick("stratified", None, [], design.rounds[0], trial.seed)
        asked, by = [*labeled], ["stratified"]
        points = []
        for number, count in enumerate(design.rounds):
            told = _told(progress, trial, labeled, number * steps)
            fitted = self._fit(labeled, trial.seed, told)
            if count in design.budgets:
                words = "+".join(dict.fromkeys(by))
                points.append(_point(count, asked, words, fitted.scores, fitted.seconds))
                asked, by = [], []
            if number + 1 < len(design.rounds):
                wanted = design.rounds[number + 1] - count
                ids, used = self._pick(
                    trial.strategy, fitted.predictor, labeled, wanted, trial.seed
                )
                labeled += ids
                asked += ids
                by.append(used)
        return points

    def _fit(self, labeled: list[str], seed: int, told: Callable[[int], None]) -> Fitted:
        """Fit, or return the fit of the first labels, which all strategies share."""
        if len(labeled) != self._design.rounds[0]:
            return self._bed.fit(labeled, seed, told)
        if seed not in self._first:
            self._first = {seed: self._bed.fit(labeled, seed, told)}
        return self._first[seed]

    def _pick(
        self,
        strategy: Name,
        predictor: HeadPredictor | None,
        labeled: list[str],
        count: int,
        seed: int,
    ) -> tuple[list[str], str]:
        """Choose images, and name the strategy that did; chance depends on the seed and on how many are labeled."""
        bed, rng = self._bed, np.random.default_rng((seed, len(labeled)))
        candidates = sorted(set(bed.pool) - set(labeled))
        if predictor is None or not looks(strategy):
            pool = blind_pool(bed.records, candidates, labeled)
        else:
            pool = pool_of(bed.records, candidates, labeled, bed.look(predictor, strategy, seed))
        picked = pick(pool, strategy, count, self._gap, rng)
        return [pool.ids[c.candidate] for c in picked.choices], picked.strategy


def _told(
    progress: Progress, trial: Trial, labeled: Sequence[str], before: int
) -> Callable[[int], None]:
    """Return what reports the steps of a fit as steps of its trial."""
    words = f"{trial.name}: {len(labeled)} labels"
    return lambda done: progress.update(before + done, words)


def _point(labels: int, asked: list[str], by: str, scores: Scores, seconds: float) -> Point:
    return Point(
        labels=labels,
        asked=asked,
        by=by,
        miou=scores.miou or 0.0,
        pixel_accuracy=scores.pixel_accuracy or 0.0,
        dice=scores.dice or 0.0,
        classes={n: s.iou or 0.0 for n, s in scores.classes.items() if s.pixels},
        seconds=round(seconds, 1),
    )

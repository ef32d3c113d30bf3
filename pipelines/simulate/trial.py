"""Carry out one trial: fit, score, choose, and again, until the last budget."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from components.contracts.process.progress import Progress
from components.contracts.process.words import counted
from components.contracts.recipe.query import QuerySettings
from components.contracts.scores.summary import Scores
from components.query.facts import Facts, blind_pool, divided, pool_of
from components.query.pick import pick
from components.query.strategies import looks
from components.train.frozen.fit import HeadPredictor
from pipelines.simulate.bed import Bed, Fitted
from pipelines.simulate.labeled import Labeled
from pipelines.simulate.plan import Design, Trial
from pipelines.simulate.result import Point
from pipelines.simulate.ways import Way, way_of

_START = Way("stratified", regions=False)  # chooses the first labels, whatever is compared


class Runner:
    """Carries out trials on one bed. Fits that several trials share are made once."""

    def __init__(self, bed: Bed, design: Design, settings: QuerySettings) -> None:
        self._bed, self._design, self._settings = bed, design, settings
        self._first: dict[int, Fitted] = {}

    def run(self, trial: Trial) -> list[Point]:
        """Return one point per budget; one alone if all labels are used."""
        design, bed = self._design, self._bed
        steps = design.head.steps
        labeled = Labeled(bed.grid)
        if trial.strategy is None:
            labeled.add(bed.pool)
            progress = Progress("simulate", "steps", steps)
            told = _told(progress, trial, len(bed.pool), 0)
            fitted = bed.fit(labeled.parts, trial.seed, told)
            return [_point(len(bed.pool), [], "all", fitted.scores, fitted.seconds)]
        progress = Progress("simulate", "steps", len(design.rounds) * steps)
        names, _ = self._pick(_START, None, labeled, design.rounds[0], trial.seed)
        labeled.add(names)
        asked, by = [*names], ["stratified"]
        points = []
        for number, count in enumerate(design.rounds):
            told = _told(progress, trial, count, number * steps)
            fitted = self._fit(labeled, trial.seed, told)
            if count in design.budgets:
                words = "+".join(dict.fromkeys(by))
                points.append(_point(count, asked, words, fitted.scores, fitted.seconds))
                asked, by = [], []
            if number + 1 < len(design.rounds):
                wanted = design.rounds[number + 1] - count
                names, used = self._pick(
                    way_of(trial.strategy), fitted.predictor, labeled, wanted, trial.seed
                )
                labeled.add(names)
                asked += names
                by.append(used)
        return points

    def _fit(self, labeled: Labeled, seed: int, told: Callable[[int], None]) -> Fitted:
        """Fit, or return the fit of the first labels, which all strategies share."""
        if len(labeled.names) != self._design.rounds[0]:
            return self._bed.fit(labeled.parts, seed, told)
        if seed not in self._first:
            self._first = {seed: self._bed.fit(labeled.parts, seed, told)}
        return self._first[seed]

    def _pick(
        self,
        way: Way,
        predictor: HeadPredictor | None,
        labeled: Labeled,
        count: int,
        seed: int,
    ) -> tuple[list[str], str]:
        """Choose so many images, or as many regions as these have, and name the strategy that did.

        Chance depends on the seed and on how much is labeled.
        """
        bed, rng = self._bed, np.random.default_rng((seed, len(labeled.names)))
        free = {i: numbers for i in bed.pool if (numbers := labeled.free(i))}
        candidates, known = list(free), sorted(labeled.parts)
        facts: dict[str, Facts] | None = None
        if predictor is None or not looks(way.strategy):
            pool = blind_pool(bed.records, candidates, known)
        else:
            facts = bed.look(predictor, way, seed)
            pool = pool_of(bed.records, candidates, known, facts)
        if way.regions:
            count *= bed.grid.size
            pool = divided(pool, free, facts)
        gap, limit = self._settings.min_gap, self._settings.regions_per_image
        picked = pick(pool, way.strategy, count, gap, rng, limit)
        return [pool.names[c.candidate] for c in picked.choices], picked.strategy


def _told(progress: Progress, trial: Trial, labels: int, before: int) -> Callable[[int], None]:
    """Return what reports the steps of a fit as steps of its trial."""
    words = f"{trial.name}: {counted(labels, 'label')}"
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

"""What a cross-validation says: scores by variant and fold, and paired differences."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping

from pydantic import BaseModel

from components.contracts.process.words import counted
from components.contracts.scores.report import HEADLINES
from pipelines.crossval.folds import Fold
from pipelines.experiment.markdown import NONE, interval, markdown_table, plus_minus
from pipelines.experiment.statistics import Summary, summary
from pipelines.fits.result import SplitScores

LEVEL = 0.90
Place = tuple[str, int]  # the fold's name, and the seed


class VariantScores(BaseModel):
    """A variant's finished fits, as the JSON holds them: by fold, then by seed."""

    name: str
    steps: int
    folds: dict[str, dict[int, SplitScores]]

    def values(self, score: str) -> dict[Place, float]:
        """Return a score by place, in percent, where it is defined."""
        return {
            (fold, seed): 100 * value
            for fold, seeds in self.folds.items()
            for seed, scores in seeds.items()
            if (value := getattr(scores, score)) is not None
        }

    def at(self, fold: str, score: str) -> Summary | None:
        """Summarize a score on one fold over the seeds."""
        return summary([v for (name, _), v in self.values(score).items() if name == fold], LEVEL)

    def mean(self, score: str) -> Summary | None:
        """Summarize, over the seeds that have every fold, the mean over the folds."""
        values = self.values(score)
        folds = {fold for fold, _ in values}
        seeds = {seed for _, seed in values}
        whole = [s for s in sorted(seeds) if all((fold, s) in values for fold in folds)]
        return summary([statistics.fmean(values[f, s] for f in folds) for s in whole], LEVEL)


class Report(BaseModel):
    """The result of a cross-validation; the first variant is what others are compared with."""

    recipe: str
    labels: str
    # Numbers of labeled images, rising: the places that are left differ in size.
    trained_on: list[int]
    folds: dict[str, int]  # name -> labeled images that were held out
    variants: list[VariantScores]
    complete: bool

    def difference(self, variant: VariantScores, score: str) -> Summary | None:
        """Summarize a variant minus the first in points, paired by fold and seed; n is that of the folds.

        Seeds of one fold share what is special about its place: their differences are averaged first, since
        taken as independent they would make the interval too short.
        """
        base, of_fold = self.variants[0].values(score), dict[str, list[float]]()
        for (fold, seed), value in variant.values(score).items():
            if (fold, seed) in base:
                of_fold.setdefault(fold, []).append(value - base[fold, seed])
        return summary([statistics.fmean(found) for found in of_fold.values()], LEVEL)

    def markdown(self) -> str:
        """Return the tables."""
        parts = [
            f"# Cross-validation of {self.recipe}",
            "",
            f"Percent, on the place that the training has not seen; {self._labels()}, "
            f"{self._steps()}, last weights. ± is half of the {LEVEL:.0%} interval by Student's t over "
            "the seeds. A class without a pixel in a place does not count there.",
            "",
            *self._scores(),
        ]
        if len(self.variants) > 1:
            parts += [
                "",
                f"Difference to {self.variants[0].name}, in points, paired by seed and averaged in each "
                f"place: the mean over the places, with its {LEVEL:.0%} interval:",
                "",
                *self._differences(),
            ]
        parts += ["", "IoU of each class, mean over places and seeds:", "", *self._classes()]
        if not self.complete:
            parts += ["", "Not complete. Run the same command to continue."]
        return "\n".join(parts) + "\n"

    def _labels(self) -> str:
        """Return how many labels were trained on: a number that no fit reached is not what was."""
        most = self.trained_on[-1]
        amount = "all" if self.labels.isdecimal() and int(self.labels) > most else self.labels
        if self.trained_on == [most] and amount == str(most):
            return f"{counted(most, 'label')} of the others"
        numbers = " to ".join(map(str, dict.fromkeys([self.trained_on[0], most])))
        of = " of the" if "/" in amount else ""
        return f"{amount}{of} labels of the others ({numbers})"

    def _steps(self) -> str:
        """Return how many steps the fits took; by variant, if they differ."""
        if len({variant.steps for variant in self.variants}) == 1:
            return counted(self.variants[0].steps, "step")
        return "steps: " + ", ".join(f"{v.name} {v.steps}" for v in self.variants)

    def _scores(self) -> list[str]:
        rows = []
        for variant in self.variants:
            for fold, images in self.folds.items():
                scores = variant.folds.get(fold, {})
                cells = [_percent(variant.at(fold, name)) for name in HEADLINES]
                rows.append([variant.name, fold, str(images), str(len(scores)), *cells])
            means = [_percent(variant.mean(name)) for name in HEADLINES]
            rows.append([f"**{variant.name}**", "mean", "", "", *means])
        return markdown_table(["variant", "held out", "images", "n", *HEADLINES.values()], rows)

    def _differences(self) -> list[str]:
        rows = []
        for variant in self.variants[1:]:
            found = {name: self.difference(variant, name) for name in HEADLINES}
            n = max((d.n for d in found.values() if d is not None), default=0)
            rows.append([variant.name, str(n), *(interval(d, 1) for d in found.values())])
        return markdown_table(["variant", "n", *HEADLINES.values()], rows)

    def _classes(self) -> list[str]:
        by_variant = [_classes_of(variant) for variant in self.variants]
        names = sorted({name for classes in by_variant for name in classes})
        rows = [
            [name, *(f"{100 * c[name]:.1f}" if name in c else NONE for c in by_variant)]
            for name in names
        ]
        return markdown_table(["class", *(v.name for v in self.variants)], rows)


def _classes_of(variant: VariantScores) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for seeds in variant.folds.values():
        for scores in seeds.values():
            for name, iou in scores.classes.items():
                if iou is not None:
                    values.setdefault(name, []).append(iou)
    return {name: statistics.fmean(found) for name, found in values.items()}


def _percent(found: Summary | None) -> str:
    return NONE if found is None else plus_minus(found.mean, found.half, 1)


def report_of(
    recipe: str,
    labels: int | str,
    trained_on: Collection[int],
    steps: Mapping[str, int],
    folds: list[Fold],
    scores: Mapping[str, Mapping[Place, SplitScores]],
    complete: bool,
) -> Report:
    """Arrange finished fits.

    Args:
      recipe: its name.
      labels: how many images were to be labeled.
      trained_on: how many were, by fit; at least one.
      steps: by variant.
      folds: what is held out.
      scores: variant -> place -> scores.
      complete: whether no fit is missing.
    """
    variants = []
    for name, of_variant in scores.items():
        arranged: dict[str, dict[int, SplitScores]] = {}
        for (fold, seed), found in of_variant.items():
            arranged.setdefault(fold, {})[seed] = found
        variants.append(VariantScores(name=name, steps=steps[name], folds=arranged))
    return Report(
        recipe=recipe,
        labels=str(labels),
        trained_on=sorted(set(trained_on)),
        folds={fold.name: fold.images for fold in folds},
        variants=variants,
        complete=complete,
    )

"""The table of an ablation, in Markdown, from the finished fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.contracts.scores.report import HEADLINES
from pipelines.ablation.plan import Design
from pipelines.experiment.markdown import NONE, interval, markdown_table, plus_minus
from pipelines.experiment.statistics import LEVEL, Summary, paired, summary
from pipelines.fits.result import FitResult

Results = Mapping[str, Mapping[int, FitResult]]  # by variant, then by seed


@dataclass(frozen=True)
class Table:
    """The results of an ablation, and their titles.

    Attributes:
      title: one line.
      design: what is compared; its variants are the rows.
      results: by variant and seed.
    """

    title: str
    design: Design
    results: Results

    @property
    def variants(self) -> list[str]:
        """The rows; the others are compared with the first."""
        return self.design.variants

    @property
    def split(self) -> str:
        """The split whose paired differences are shown."""
        return self.design.split

    def values(self, variant: str, split: str, score: str) -> dict[int, float]:
        """Return one score by seed, in percent."""
        return {
            seed: 100 * value
            for seed, result in self.results.get(variant, {}).items()
            if split in result.scores
            and (value := getattr(result.scores[split], score)) is not None
        }

    def difference(self, variant: str, score: str) -> Summary | None:
        """Summarize a score of a variant minus the first variant's, seed by seed, in points."""
        base = self.values(self.variants[0], self.split, score)
        return paired(self.values(variant, self.split, score), base)


def _kept(table: Table) -> str:
    if any(table.values(variant, "dev", "miou") for variant in table.variants):
        return "The best step of each fit is chosen on dev;"
    return "There is no dev split: each fit's last weights are scored;"


def markdown(table: Table) -> str:
    """Return the page: scores, paired differences, every fit."""
    level = f"{100 * LEVEL:.0f} %"
    parts = [
        f"# {table.title}",
        "",
        "Scores in percent at the labels' native size, mean ± standard deviation over n seeds; mIoU "
        f"and Dice over the classes that occur in the scored labels. {_kept(table)} val is used only "
        "here.",
        "",
        *_scores(table),
        "",
        f"Difference to {table.variants[0]} on {table.split}, in points, over the n seeds that both "
        f"have: mean [{level} interval of the mean by Student's t].",
        "",
        *_differences(table),
        "",
        "Every fit:",
        "",
        *_fits(table),
    ]
    versions = {r.git_sha for row in table.results.values() for r in row.values()}
    if len(versions) > 1:
        names = ", ".join(sorted(v[:12] or "unknown" for v in versions))
        parts += ["", f"The fits are of different versions of the code: {names}."]
    done = sum(len(table.results.get(v, {})) for v in table.variants)
    total = len(table.design.seeds) * len(table.variants)
    if done < total:
        parts += ["", f"Not complete: {done} of {total} fits. Run the same command to continue."]
    return "\n".join(parts) + "\n"


def _scores(table: Table) -> list[str]:
    splits = sorted({"dev", "val"}, key=lambda name: name != table.split)
    columns = [(split, score) for split in splits for score in HEADLINES]
    rows = []
    for variant in table.variants:
        results = table.results.get(variant, {})
        row = [variant, str(len(results))]
        for split, score in columns:
            row.append(spread(summary(list(table.values(variant, split, score).values()))))
        seconds = summary([r.seconds for r in results.values()])
        rows.append([*row, NONE if seconds is None else f"{seconds.mean:.0f}"])
    heads = [f"{split} {HEADLINES[score]}" for split, score in columns]
    return markdown_table(["variant", "n", *heads, "seconds per fit"], rows)


def _differences(table: Table) -> list[str]:
    rows = []
    for variant in table.variants[1:]:
        differences = [table.difference(variant, score) for score in HEADLINES]
        first = differences[0]
        rows.append([variant, str(first.n if first else 0), *map(interval, differences)])
    return markdown_table(["variant", "n", *HEADLINES.values()], rows)


def _fits(table: Table) -> list[str]:
    rows = []
    for variant in table.variants:
        for seed, result in sorted(table.results.get(variant, {}).items()):
            mious = (
                table.values(variant, s, "miou").get(seed) for s in (table.split, _other(table))
            )
            columns = [NONE if miou is None else f"{miou:.2f}" for miou in mious]
            row = [variant, str(seed), str(len(result.labeled)), *columns]
            rows.append([*row, f"{result.best_step} of {result.steps}"])
    heads = [f"{table.split} mIoU", f"{_other(table)} mIoU"]
    return markdown_table(["variant", "seed", "labels", *heads, "best step"], rows)


def _other(table: Table) -> str:
    return "dev" if table.split == "val" else "val"


def spread(values: Summary | None) -> str:
    """Return mean ± standard deviation; only the mean for one value; a dash for none."""
    return NONE if values is None else plus_minus(values.mean, values.spread)

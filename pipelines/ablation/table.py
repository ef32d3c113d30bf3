"""The table of an ablation, in Markdown, from the results that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.ablation.statistics import LEVEL, Summary, paired, summary

NAMES = {"miou": "mIoU", "pixel_accuracy": "pixel accuracy", "dice": "Dice"}
Results = Mapping[str, Mapping[int, Mapping[str, Any]]]  # by variant, then by seed
_NONE = "–"


@dataclass(frozen=True)
class Table:
    """Results of an ablation, and what they are called.

    Attributes:
      title: one line.
      split: the split whose paired differences are shown.
      variants: in the order of the rows; the first is what the others are compared with.
      planned: fits a variant when all are done.
      results: by variant and seed, as `ablation_fit` writes them.
    """

    title: str
    split: str
    variants: Sequence[str]
    planned: int
    results: Results

    def values(self, variant: str, split: str, score: str) -> dict[int, float]:
        """One score by seed, in percent."""
        found = {}
        for seed, result in self.results.get(variant, {}).items():
            value = result["scores"].get(split, {}).get(score)
            if value is not None:
                found[seed] = 100 * value
        return found

    def difference(self, variant: str, score: str) -> Summary | None:
        """One score of a variant minus the first variant's, seed by seed, in points."""
        base = self.values(self.variants[0], self.split, score)
        return paired(self.values(variant, self.split, score), base)


def _kept(table: Table) -> str:
    if any(table.values(variant, "dev", "miou") for variant in table.variants):
        return "The best step of each fit is chosen on dev;"
    return "There is no dev: each fit's last weights are scored;"


def markdown(table: Table) -> str:
    """The whole page: scores, paired differences, every fit."""
    level = f"{100 * LEVEL:.0f} %"
    parts = [
        f"# {table.title}",
        "",
        "Scores in percent at the labels' native size, mean ± standard deviation over n seeds; mIoU "
        f"and Dice over the classes that occur in the scored labels. {_kept(table)} val is looked at "
        "only here.",
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
    versions = {r.get("git_sha", "") for row in table.results.values() for r in row.values()}
    if len(versions) > 1:
        told = ", ".join(sorted(v[:12] or "unknown" for v in versions))
        parts += ["", f"The fits are of different versions of the code: {told}."]
    done = sum(len(table.results.get(v, {})) for v in table.variants)
    total = table.planned * len(table.variants)
    if done < total:
        parts += ["", f"Not complete: {done} of {total} fits. Run the same command to go on."]
    return "\n".join(parts) + "\n"


def _scores(table: Table) -> list[str]:
    splits = sorted({"dev", "val"}, key=lambda name: name != table.split)
    columns = [(split, score) for split in splits for score in NAMES]
    rows = []
    for variant in table.variants:
        results = table.results.get(variant, {})
        row = [variant, str(len(results))]
        for split, score in columns:
            row.append(spread(summary(list(table.values(variant, split, score).values()))))
        seconds = summary([r["seconds"] for r in results.values()])
        rows.append([*row, _NONE if seconds is None else f"{seconds.mean:.0f}"])
    heads = [f"{split} {NAMES[score]}" for split, score in columns]
    return _lines(["variant", "n", *heads, "seconds a fit"], rows)


def _differences(table: Table) -> list[str]:
    rows = []
    for variant in table.variants[1:]:
        found = {score: table.difference(variant, score) for score in NAMES}
        first = found["miou"]
        rows.append([variant, str(first.n if first else 0), *map(interval, found.values())])
    return _lines(["variant", "n", *NAMES.values()], rows)


def _fits(table: Table) -> list[str]:
    rows = []
    one: Callable[[Any], str] = lambda v: _NONE if v is None else f"{100 * v:.2f}"  # noqa: E731
    for variant in table.variants:
        for seed, result in sorted(table.results.get(variant, {}).items()):
            scores = result["scores"]
            columns = [one(scores.get(s, {}).get("miou")) for s in (table.split, _other(table))]
            row = [variant, str(seed), str(len(result["labeled"])), *columns]
            rows.append([*row, f"{result['best_step']} of {result['steps']}"])
    heads = [f"{table.split} mIoU", f"{_other(table)} mIoU"]
    return _lines(["variant", "seed", "labels", *heads, "best step"], rows)


def _other(table: Table) -> str:
    return "dev" if table.split == "val" else "val"


def spread(found: Summary | None) -> str:
    """Mean ± spread; the mean alone for one value; a dash for none."""
    if found is None:
        return _NONE
    if found.spread is None:
        return f"{found.mean:.2f}"
    return f"{found.mean:.2f} ± {found.spread:.2f}"


def interval(found: Summary | None) -> str:
    """Mean [low, high]; the mean alone for one value, which has no interval; a dash for none."""
    if found is None:
        return _NONE
    if found.half is None:
        return f"{found.mean:+.2f}"
    return f"{found.mean:+.2f} [{found.mean - found.half:+.2f}, {found.mean + found.half:+.2f}]"


def _lines(heads: list[str], rows: list[list[str]]) -> list[str]:
    marks = ["---", *["---:"] * (len(heads) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows)]

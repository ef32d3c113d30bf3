"""The page of a simulation, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from components.contracts.process.words import counted
from pipelines.experiment.markdown import NONE, interval, markdown_table, plus_minus
from pipelines.simulate.analysis import LEVEL, SHARES, Analysis, Row
from pipelines.simulate.plan import Design
from pipelines.simulate.ways import any_regions, way_of


def markdown(analysis: Analysis, design: Design) -> str:
    """Return curves, differences, labels saved, wins, and gains by class."""
    seeds = ", ".join(map(str, design.seeds))
    full = NONE if analysis.all_labels is None else f"{analysis.all_labels:.1f}"
    rows = {row.strategy: row for row in analysis.rows}
    others = [row for row in analysis.rows if row.strategy != analysis.baseline]
    parts = [
        f"# Simulation of {analysis.recipe}",
        "",
        f"mIoU in percent on {analysis.split} after so many labels, mean over the seeds {seeds}; ± is the "
        f"standard deviation. {_unit(rows)}The first images of a seed are the same for all strategies. Each model is "
        f"a head on a frozen encoder, fitted from scratch in {counted(design.head.steps, 'step')}: the order of the "
        "strategies is what counts, not the scores.",
        "",
        *_curves(analysis),
        "",
        *_opened(analysis),
        f"With all {counted(analysis.pool, 'image')} labeled: {full} %.",
        "",
        f"Difference to {analysis.baseline}, in points, paired by seed: mean [{100 * LEVEL:.0f} % interval by "
        "Student's t]. The area is that under the curve over log2(labels), divided by its width.",
        "",
        *_differences(analysis, others),
        "",
        "Share of the budgets at which the strategy of the row is better than that of the column, with "
        "an interval that leaves out 0:",
        "",
        *_wins(rows),
        "",
        f"Gain of each class over {analysis.baseline}, in points of IoU, mean over budgets and seeds:",
        "",
        *_classes(others),
    ]
    if not analysis.complete:
        parts += ["", "Not complete. Run the same command to continue."]
    return "\n".join(parts) + "\n"


def _unit(strategies: Iterable[str]) -> str:
    """Return what counts as a label, as a sentence, if it is not always an image."""
    if not any_regions(strategies):
        return ""
    return "A label is an image, or as many regions as an image has (@region). "


def _curves(analysis: Analysis) -> list[str]:
    cells = []
    for row in analysis.rows:
        scores = [_plus_minus(row, budget) for budget in analysis.budgets]
        labels = [str(row.labels_for[f"{share:.0%}"] or NONE) for share in SHARES]
        name = row.strategy + (f" ({', '.join(row.chose)})" if row.chose else "")
        cells.append([name, str(row.seeds), *scores, f"{row.area:.1f}", *labels])
    heads = [*map(str, analysis.budgets), "area", *(f"labels for {s:.0%}" for s in SHARES)]
    return markdown_table(["strategy", "n", *heads], cells)


def _opened(analysis: Analysis) -> list[str]:
    """Return how many images people open who label regions."""
    cells = [
        [row.strategy, *(f"{row.images[budget]:.0f}" for budget in analysis.budgets)]
        for row in analysis.rows
        if way_of(row.strategy).regions
    ]
    if not cells:
        return []
    words = (
        "A small head may prefer regions where a whole network does not. Images that are labeled, most of "
        "them in part, mean over the seeds:"
    )
    return [words, "", *markdown_table(["strategy", *map(str, analysis.budgets)], cells), ""]


def _differences(analysis: Analysis, rows: Sequence[Row]) -> list[str]:
    budgets = analysis.budgets[1:]
    cells = [
        [
            row.strategy,
            interval(row.difference, 1),
            *(interval(row.at_budget.get(b), 1) for b in budgets),
        ]
        for row in rows
    ]
    return markdown_table(["strategy", "area", *(f"at {b}" for b in budgets)], cells)


def _wins(rows: dict[str, Row]) -> list[str]:
    cells = [
        [name, *(f"{row.wins[o]:.0%}" if o in row.wins else "" for o in rows)]
        for name, row in rows.items()
    ]
    return markdown_table(["", *rows], cells)


def _classes(rows: Sequence[Row]) -> list[str]:
    names = sorted({name for row in rows for name in row.classes})
    cells = [[n, *(f"{row.classes.get(n, 0):+.1f}" for row in rows)] for n in names]
    return markdown_table(["class", *(row.strategy for row in rows)], cells)


def _plus_minus(row: Row, budget: int) -> str:
    return plus_minus(row.curve.get(budget), row.spread.get(budget), 1)

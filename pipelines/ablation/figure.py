"""The figure of an ablation: every variant's scores, and its differences to the first."""

from __future__ import annotations

from typing import Any

from components.contracts.page.colors import SERIES
from components.evaluate.report.canvas import (
    INK,
    MUTED,
    set_title,
    side_by_side,
    to_png_bytes,
)
from pipelines.ablation.table import Table, spread
from pipelines.experiment.markdown import interval
from pipelines.experiment.statistics import LEVEL, summary


def ablation_figure(table: Table) -> bytes:
    """Draw mIoU on `table.split`: means, spreads and fits on the left, paired differences on the right.

    Returns:
      A PNG.
    """
    variants = list(table.variants)
    figure, (scores, differences) = side_by_side(11.0, 1.6 + 0.55 * len(variants), 2)
    for place, variant in enumerate(variants):
        values = list(table.values(variant, table.split, "miou").values())
        scored = summary(values)
        color = SERIES[place % len(SERIES)]
        if scored is not None:
            scores.errorbar(scored.mean, place, xerr=scored.spread, fmt="o", color=color, capsize=4)
            scores.scatter(values, [place + 0.22] * len(values), s=14, color=color, alpha=0.6)
        words = f"{variant}\n{spread(scored)}, n {scored.n if scored else 0}"
        _write_beside(scores, -0.02, place, words, "right")
        if place == 0:
            continue
        change = table.difference(variant, "miou")
        if change is not None:
            differences.errorbar(
                change.mean, place, xerr=change.half, fmt="o", color=color, capsize=4
            )
        _write_beside(differences, 1.02, place, interval(change), "left")
    differences.axvline(0, color=MUTED, linewidth=1)
    for axes, name in (
        (scores, f"mIoU on {table.split} (%), ± standard deviation"),
        (differences, f"points over {variants[0]}, {100 * LEVEL:.0f} % interval"),
    ):
        axes.set_yticks([])
        axes.set_ylim(len(variants) - 0.4, -0.6)
        axes.set_xlabel(name, color=MUTED)
    set_title(scores, table.title)
    return to_png_bytes(figure)


def _write_beside(axes: Any, x: float, y: int, words: str, align: str) -> None:
    """Write at a share `x` of the width of the axes, in the row `y`."""
    where = axes.get_yaxis_transform()
    axes.text(x, y, words, transform=where, ha=align, va="center", fontsize=9, color=INK)

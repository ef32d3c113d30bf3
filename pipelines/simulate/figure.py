"""The figure of a simulation: learning curves, and differences to the baseline."""

from __future__ import annotations

from components.contracts.page.colors import SERIES
from components.contracts.process.words import counted
from components.evaluate.report.canvas import (
    INK,
    MUTED,
    set_title,
    side_by_side,
    to_png_bytes,
)
from pipelines.simulate.analysis import LEVEL, Analysis
from pipelines.simulate.ways import any_regions

_MARKERS = "os^Dv<>P"


def simulation_figure(analysis: Analysis) -> bytes:
    """Draw mean curves with their spread on the left, paired differences of the areas on the right.

    Returns:
      A PNG.
    """
    height = 3.4 + 0.18 * len(analysis.rows)
    figure, (curves, differences) = side_by_side(11.0, height, 2)
    for place, row in enumerate(analysis.rows):
        # Six colours; from the seventh strategy on, another marker distinguishes it.
        color, marker = SERIES[place % len(SERIES)], _MARKERS[place // len(SERIES)]
        budgets = sorted(row.curve)
        means = [row.curve[b] for b in budgets]
        spread = [row.spread[b] or 0.0 for b in budgets]
        curves.errorbar(
            budgets, means, spread, color=color, marker=marker, capsize=3, label=row.strategy
        )
        if row.difference is None:
            continue
        low, high = row.difference.low, row.difference.high
        half = 0.0 if low is None or high is None else (high - low) / 2
        differences.errorbar(
            row.difference.mean, place, xerr=half, fmt=marker, color=color, capsize=4
        )
        differences.text(
            1.02,
            place,
            row.strategy,
            transform=differences.get_yaxis_transform(),
            va="center",
            fontsize=9,
            color=INK,
        )
    if analysis.all_labels is not None:
        curves.axhline(analysis.all_labels, color=MUTED, linestyle=":", linewidth=1)
        words = f"all {counted(analysis.pool, 'label')}"
        curves.annotate(
            words, (analysis.budgets[0], analysis.all_labels), fontsize=9, color=MUTED, va="bottom"
        )
    curves.set_xscale("log", base=2)
    curves.set_xticks(analysis.budgets, [str(b) for b in analysis.budgets])
    regions = any_regions(row.strategy for row in analysis.rows)
    unit = "labeled images, or regions of the same area" if regions else "labeled images"
    curves.set_xlabel(unit, color=MUTED)
    curves.set_ylabel(f"mIoU on {analysis.split} (%)", color=MUTED)
    curves.legend(frameon=False, fontsize=8, loc="lower right")
    differences.axvline(0, color=MUTED, linewidth=1)
    differences.set_yticks([])
    differences.set_ylim(len(analysis.rows) - 0.4, -0.6)
    differences.set_xlabel(
        f"area under the curve, points over {analysis.baseline}, {100 * LEVEL:.0f} % interval",
        color=MUTED,
    )
    set_title(curves, f"Strategies on {analysis.recipe}")
    return to_png_bytes(figure)

"""The figure of a cross-validation: mIoU of each variant on each place."""

from __future__ import annotations

import statistics

from components.contracts.page.colors import SERIES
from components.evaluate.report.canvas import MUTED, set_title, side_by_side, to_png_bytes
from pipelines.crossval.report import LEVEL, Report


def crossval_figure(report: Report) -> bytes:
    """Draw scores by place on the left, paired differences to the first variant on the right.

    Returns:
      A PNG.
    """
    folds, variants = list(report.folds), report.variants
    height = 1.8 + 0.3 * max(len(folds), len(variants)) * max(1, len(variants) // 3)
    figure, (scores, differences) = side_by_side(11.0, height, 2)
    for number, variant in enumerate(variants):
        color = SERIES[number % len(SERIES)]
        values = variant.values("miou")
        shift = 0.5 * (number + 0.5) / len(variants) - 0.25
        for place, fold in enumerate(folds):
            found = [value for (name, _), value in values.items() if name == fold]
            scores.scatter(found, [place + shift] * len(found), s=14, color=color, alpha=0.6)
            if found:
                label = variant.name if place == 0 else None
                mean = statistics.fmean(found)
                scores.scatter([mean], [place + shift], s=60, marker="|", color=color, label=label)
        if number and (found_difference := report.difference(variant, "miou")) is not None:
            mean, half = found_difference.mean, found_difference.half
            differences.errorbar(mean, number, xerr=half, fmt="o", color=color, capsize=4)
            differences.annotate(variant.name, (mean, number - 0.3), fontsize=9, color=MUTED)
    scores.set_yticks(range(len(folds)), folds)
    scores.set_ylim(len(folds) - 0.4, -0.6)
    scores.set_xlabel("mIoU on the place held out (%)", color=MUTED)
    if variants[0].folds:
        scores.legend(frameon=False, fontsize=8)
    differences.axvline(0, color=MUTED, linewidth=1)
    differences.set_yticks([])
    differences.set_ylim(len(variants) - 0.4, 0.2)
    words = f"points of mIoU over {variants[0].name}, {LEVEL:.0%} interval"
    differences.set_xlabel(words, color=MUTED)
    set_title(scores, f"Cross-validation of {report.recipe}")
    return to_png_bytes(figure)

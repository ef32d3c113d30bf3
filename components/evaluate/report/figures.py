"""Draw the figures of one evaluation, each as a PNG file: the same for MLflow, KFP and HTML."""

from __future__ import annotations

import numpy as np

from components.contracts.page.colors import SERIES
from components.contracts.scores.report import CalibrationScores
from components.contracts.scores.summary import Scores
from components.evaluate.report.canvas import (
    GRID,
    INK,
    MUTED,
    set_title,
    side_by_side,
    to_png_bytes,
)
from tfds_cityscapes.labels import CLASS_NAMES, NUM_CLASSES

_DASHED = (0, (4, 3))


def confusion_figure(confusion: np.ndarray) -> bytes:
    """Draw each row in percent of its true class; classes without labels stay empty.

    Args:
      confusion: int [19, 19], or [19, 20] with a last column for predictions that are not scored.
    """
    confusion = np.asarray(confusion)
    columns = [*CLASS_NAMES, "not scored"][: confusion.shape[1]]
    labeled = confusion.sum(axis=1, keepdims=True)
    share = np.full(confusion.shape, np.nan)
    np.divide(confusion, labeled, out=share, where=labeled > 0)
    figure, (axes,) = side_by_side(9.6, 8.4, 1)
    # A square root shows the small mistakes, which are what the figure is for.
    picture = axes.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_facecolor("#f8fafc")
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(NUM_CLASSES), CLASS_NAMES)
    for (row, column), value in np.ndenumerate(share):
        if value >= 0.005:
            text = "100" if value > 0.995 else f"{100 * value:.0f}"
            color = "white" if value > 0.35 else INK
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    for line in range(1, NUM_CLASSES):
        axes.axhline(line - 0.5, color="white", linewidth=1)
    for line in range(1, len(columns)):
        axes.axvline(line - 0.5, color="white", linewidth=1)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel("predicted", color=MUTED)
    axes.set_ylabel("true", color=MUTED)
    ticks = np.array([0, 0.05, 0.2, 0.5, 1])
    bar = figure.colorbar(picture, ax=axes, shrink=0.6, pad=0.02, ticks=np.sqrt(ticks))
    bar.ax.set_yticklabels([f"{100 * tick:.0f} %" for tick in ticks])
    bar.ax.tick_params(colors=MUTED, labelsize=8, length=0)
    bar.outline.set_visible(False)  # type: ignore[operator]
    set_title(axes, "Confusion matrix (% of the true class)")
    return to_png_bytes(figure)


def class_iou_figure(scores: Scores) -> bytes:
    """Draw one bar per class, in percent, and a line at the mean."""
    figure, (axes,) = side_by_side(7.6, 6.4, 1)
    places = range(NUM_CLASSES)
    rows = [scores.classes[name] for name in CLASS_NAMES]
    values = [100 * (row.iou or 0.0) for row in rows]
    axes.barh(places, values, height=0.68, color=SERIES[0])
    for place, (value, row) in enumerate(zip(values, rows, strict=True)):
        axes.text(
            value + 0.8,
            place,
            f"{value:.1f}" if row.pixels else "no labels",
            va="center",
            fontsize=8.5,
            color=INK if row.pixels else MUTED,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
    if scores.miou is not None:
        mean = 100 * scores.miou
        axes.axvline(mean, color=MUTED, linewidth=1, linestyle=_DASHED, zorder=0)
        words = f"mIoU {mean:.1f}"
        axes.text(mean, -1.0, words, ha="center", va="bottom", fontsize=8.5, color=MUTED)
    axes.set_yticks(places, CLASS_NAMES)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(NUM_CLASSES - 0.4, -1.1)
    axes.set_xlim(0, 108)
    axes.set_xticks(range(0, 101, 20))
    axes.xaxis.grid(True, color=GRID)
    axes.set_xlabel("IoU (%)", color=MUTED)
    set_title(axes, "IoU per class")
    return to_png_bytes(figure)


def reliability_figure(calibration: CalibrationScores) -> bytes:
    """Draw accuracy against confidence; without a scored pixel, empty axes that say so."""
    bins = [one for one in calibration.bins if one.pixels]
    width = 1 / len(calibration.bins)
    total = sum(one.pixels for one in bins) or 1
    centers = [(one.low + one.high) / 2 for one in bins]
    accuracy = [one.accuracy or 0.0 for one in bins]
    shares = [one.pixels / total for one in bins]
    figure, (axes,) = side_by_side(5.4, 5.0, 1)
    axes.bar(centers, accuracy, 0.92 * width, color=SERIES[0], label="accuracy")
    axes.bar(centers, shares, 0.3 * width, color=SERIES[1], label="share of pixels")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=_DASHED, label="perfect")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.yaxis.grid(True, color=GRID)
    axes.set_xlabel("confidence (largest class probability)", color=MUTED)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper left")
    ece = calibration.ece
    words = "no pixel was scored" if ece is None else f"ECE {100 * ece:.2f} %"
    set_title(axes, f"Reliability: {words}")
    return to_png_bytes(figure)

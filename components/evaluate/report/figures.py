"""The figures of a report, each as a PNG file's bytes: the same for MLflow, KFP and HTML.

Matplotlib is used without pyplot: no window system, and no figure left over in global state.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from components.contracts.process.errors import StreetloopError
from components.contracts.scores.summary import Scores
from tfds_cityscapes.labels import CLASS_NAMES, NUM_CLASSES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#1e293b", "#64748b", "#e2e8f0"
SERIES = ("#2563eb", "#f59e0b", "#0d9488", "#db2777", "#7c3aed", "#65a30d")
_DPI = 120


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure in the report's look; inches."""
    figure, (axes,) = side_by_side(width, height, 1)
    return figure, axes


def side_by_side(width: float, height: float, columns: int) -> tuple[Figure, list[Axes]]:
    """An empty figure of several columns in the report's look; inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white", layout="constrained")
    found = [figure.add_subplot(1, columns, column + 1) for column in range(columns)]
    for axes in found:
        axes.tick_params(colors=MUTED, labelsize=9, length=0)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(GRID)
        axes.set_axisbelow(True)
    return figure, found


def set_title(axes: Axes, text: str) -> None:
    """The title of a figure, in the report's look."""
    axes.set_title(text, loc="left", fontsize=12, fontweight="bold", color=INK, pad=12)


def to_png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG file's bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    # No version or date inside: the same numbers give the same bytes.
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def confusion_figure(confusion: np.ndarray, title: str = "Confusion matrix") -> bytes:
    """Each row in percent of its true class; classes without labels stay empty.

    Args:
      confusion: int [19, 19], or [19, 20] with a last column for predictions that are not scored.
      title: shown above.
    """
    confusion = np.asarray(confusion)
    columns = [*CLASS_NAMES, "not scored"][: confusion.shape[1]]
    labeled = confusion.sum(axis=1, keepdims=True)
    share = np.full(confusion.shape, np.nan)
    np.divide(confusion, labeled, out=share, where=labeled > 0)
    figure, axes = _figure(9.6, 8.4)
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
    set_title(axes, f"{title} (% of the true class)")
    return to_png_bytes(figure)


def class_iou_figure(
    scores: Scores, champion: Scores | None = None, title: str = "IoU per class"
) -> bytes:
    """One bar a class, in percent, with a mark where the champion stands."""
    figure, axes = _figure(7.6, 6.4)
    places = range(NUM_CLASSES)
    present = [scores.classes[name].pixels > 0 for name in CLASS_NAMES]
    values = [100 * (scores.classes[name].iou or 0.0) for name in CLASS_NAMES]
    axes.barh(places, values, height=0.68, color=SERIES[0])
    for place, (value, occurs) in enumerate(zip(values, present, strict=True)):
        text = f"{value:.1f}" if occurs else "no labels"
        color = INK if occurs else MUTED
        axes.text(
            value + 0.8,
            place,
            text,
            va="center",
            fontsize=8.5,
            color=color,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
    if champion is not None:
        marks = [champion.classes[name].iou for name in CLASS_NAMES]
        known = [place for place, mark in enumerate(marks) if mark is not None]
        axes.scatter(
            [100 * (marks[place] or 0.0) for place in known],
            known,
            marker="|",
            s=170,
            linewidths=2.4,
            color=SERIES[1],
            label="champion",
            zorder=3,
        )
        axes.legend(
            frameon=False,
            fontsize=9,
            labelcolor=INK,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0,
        )
    if scores.miou is not None:
        axes.axvline(100 * scores.miou, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        axes.text(
            100 * scores.miou,
            -1.0,
            f"mIoU {100 * scores.miou:.1f}",
            ha="center",
            va="bottom",
            fontsize=8.5,
            color=MUTED,
        )
    axes.set_yticks(places, CLASS_NAMES)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(NUM_CLASSES - 0.4, -1.1)
    axes.set_xlim(0, 108)
    axes.set_xticks(range(0, 101, 20))
    axes.xaxis.grid(True, color=GRID)
    axes.set_xlabel("IoU (%)", color=MUTED)
    set_title(axes, title)
    return to_png_bytes(figure)


def reliability_figure(calibration: Mapping[str, Any], title: str = "Reliability") -> bytes:
    """Accuracy against confidence; `calibration` is what `Calibration.to_json` returns.

    Raises:
      StreetloopError: it holds no pixel.
    """
    rows = [row for row in calibration["bins"] if row["pixels"]]
    if not rows:
        raise StreetloopError("Expected a calibration with at least one pixel; got an empty one.")
    figure, axes = _figure(5.4, 5.0)
    width = calibration["bins"][0]["high"] - calibration["bins"][0]["low"]
    total = sum(row["pixels"] for row in rows)
    centers = [(row["low"] + row["high"]) / 2 for row in rows]
    axes.bar(
        centers, [row["accuracy"] for row in rows], 0.92 * width, color=SERIES[0], label="accuracy"
    )
    axes.bar(
        centers,
        [row["pixels"] / total for row in rows],
        0.3 * width,
        color=SERIES[1],
        label="share of pixels",
    )
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="perfect")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.yaxis.grid(True, color=GRID)
    axes.set_xlabel("confidence (largest class probability)", color=MUTED)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper left")
    set_title(axes, f"{title}: ECE {100 * calibration['ece']:.2f} %")
    return to_png_bytes(figure)


def learning_curve_figure(
    curves: Mapping[str, Sequence[tuple[int, float]]],
    *,
    ylabel: str = "mIoU (%)",
    title: str = "Learning curve",
) -> bytes:
    """Quality against labels: one line a campaign (or metric).

    Args:
      curves: by name, points (labeled images, fraction in [0, 1]); each cycle's own model, never
        the running best.
      ylabel: what the fractions are.
      title: shown above.

    Raises:
      StreetloopError: there is no point at all.
    """
    from matplotlib.ticker import MaxNLocator

    if not any(curves.values()):
        raise StreetloopError("Expected a learning curve with at least one point; got none.")
    figure, axes = _figure(7.2, 4.4)
    for number, (name, points) in enumerate(curves.items()):
        if not points:
            continue
        labels, values = zip(*sorted(points), strict=True)
        percent = [100 * value for value in values]
        color = SERIES[number % len(SERIES)]
        axes.plot(labels, percent, color=color, linewidth=2, marker="o", markersize=5, label=name)
        axes.annotate(
            f"{percent[-1]:.1f}",
            (labels[-1], percent[-1]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=color,
        )
    axes.grid(True, color=GRID)
    axes.margins(x=0.08, y=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("labeled images", color=MUTED)
    axes.set_ylabel(ylabel, color=MUTED)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="best")
    set_title(axes, title)
    return to_png_bytes(figure)

"""Draw quality against labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.contracts.forecast.forecast import Band
from components.contracts.page.colors import SERIES
from components.evaluate.report.canvas import (
    GRID,
    INK,
    MUTED,
    set_title,
    side_by_side,
    to_png_bytes,
)


def learning_curve_figure(
    curves: Mapping[str, Sequence[tuple[int, float]]],
    ylabel: str = "mIoU (%)",
    band: Sequence[Band] = (),
    unit: str = "image",
) -> bytes:
    """Draw one line per campaign as a PNG file; without a point, empty axes that say so.

    Args:
      curves: by name, points (labeled images, fraction in [0, 1]); each cycle's own model, never
        the running best.
      ylabel: what the fractions are.
      band: the forecast, drawn behind the curves.
      unit: what is labeled: an image, or a region.
    """
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = side_by_side(7.2, 4.4, 1)
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
    if band:
        across = [one.labels for one in band]
        low, middle, high = (
            [100 * getattr(one, name) for one in band] for name in ("low", "middle", "high")
        )
        axes.fill_between(across, low, high, color=SERIES[0], alpha=0.12, label="80 % interval")
        axes.plot(across, middle, color=SERIES[0], linewidth=1, linestyle=(0, (4, 3)))
    axes.grid(True, color=GRID)
    axes.margins(x=0.08, y=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(f"labeled {unit}s", color=MUTED)
    axes.set_ylabel(ylabel, color=MUTED)
    drawn = any(curves.values())
    if drawn:
        axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="best")
    set_title(axes, "Learning curve" if drawn else "Learning curve: nothing was scored")
    return to_png_bytes(figure)

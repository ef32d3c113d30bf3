"""The look of every figure: colours, empty axes, title, and the PNG that MLflow, KFP and HTML show.

Matplotlib is used without pyplot: no window system, and no figure left over in global state.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#1e293b", "#64748b", "#e2e8f0"
_DPI = 120


def side_by_side(width: float, height: float, columns: int) -> tuple[Figure, list[Axes]]:
    """Return an empty figure of `width` by `height` inches, and its columns."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white", layout="constrained")
    all_axes = [figure.add_subplot(1, columns, column + 1) for column in range(columns)]
    for axes in all_axes:
        axes.tick_params(colors=MUTED, labelsize=9, length=0)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(GRID)
        axes.set_axisbelow(True)
    return figure, all_axes


def set_title(axes: Axes, text: str) -> None:
    """Set the title of a figure."""
    axes.set_title(text, loc="left", fontsize=12, fontweight="bold", color=INK, pad=12)


def to_png_bytes(figure: Figure) -> bytes:
    """Draw the figure as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    # No version or date inside: the same numbers give the same bytes.
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()

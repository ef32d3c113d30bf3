"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

NONE = "–"  # in a cell without a value


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; all columns but the first are set to the right."""
    marks = ["---", *["---:"] * (len(heads) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows)]

"""The report on what came in, as one self-contained HTML page: no script, no link."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 1040px; padding: 40px 28px 64px; background: #fff; color: #1e293b;
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 28px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 40px 0 10px; }
.muted { color: #64748b; margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { color: #64748b; font-size: 12.5px; }
th, td { padding: 6px 10px; border-bottom: 1px solid #e2e8f0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
"""

# Section of the report -> its title, what it means, and its columns: (key, head).
_SECTIONS: tuple[tuple[str, str, str, Sequence[tuple[str, str]]], ...] = (
    (
        "refused",
        "Refused",
        "Not taken. The files are in rejected/. Mend them and hand them in again.",
        (("name", "what"), ("reason", "why")),
    ),
    (
        "warnings",
        "To look at",
        "Taken, but somebody should look.",
        (("image_id", "image"), ("annotator", "annotator"), ("reason", "why")),
    ),
    (
        "agreement",
        "Agreement",
        "Mean IoU with the other annotators of the same images, and with the predictions that the "
        "tasks showed, in percent.",
        (
            ("annotator", "annotator"),
            ("images", "images"),
            ("with_others", "with others %"),
            ("with_prediction", "with prediction %"),
        ),
    ),
    (
        "resolved",
        "Several annotators",
        "What counts where more than one person labeled an image. Every version is kept.",
        (("image_id", "image"), ("annotator", "what counts"), ("agreement", "agreement %")),
    ),
    (
        "skipped",
        "Skipped",
        "Nobody could label these. They leave the queue.",
        (("image_id", "image"), ("annotator", "annotator"), ("why", "why")),
    ),
    (
        "accepted",
        "Accepted",
        "Labels that were taken in.",
        (("image_id", "image"), ("annotator", "annotator"), ("file", "file")),
    ),
)


def render(name: str, cycle: int, report: dict[str, Any]) -> str:
    """The page as one HTML document; `report` is what `report.build` returns."""
    title = f"{name}, cycle {cycle}: labels"
    counts = ", ".join(f"{len(report[key])} {key}" for key in ("accepted", "refused", "skipped"))
    body = [f"<h1>{escape(title)}</h1>", f'<p class="muted">{counts}</p>']
    for key, heading, words, columns in _SECTIONS:
        if report[key]:
            body += [f"<h2>{heading}</h2>", f'<p class="muted">{words}</p>']
            body.append(_table(columns, report[key]))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _table(columns: Sequence[tuple[str, str]], rows: Iterable[dict[str, Any]]) -> str:
    head = "".join(f"<th>{name}</th>" for _, name in columns)
    lines = ("".join(f"<td>{_cell(row[key])}</td>" for key, _ in columns) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: Any) -> str:
    """Text as it is, a share in percent, a dash where there is nothing."""
    if value is None or value == "":
        return "&ndash;"
    return f"{100 * value:.1f}" if isinstance(value, float) else escape(str(value))

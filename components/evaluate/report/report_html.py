"""One self-contained HTML page: no script, no link, images inside; a sandboxed frame shows it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from components.evaluate.gate import Decision

_STYLE = """
:root { color-scheme: light; --ink: #1e293b; --muted: #64748b; --line: #e2e8f0; --soft: #f8fafc;
  --blue: #2563eb; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial,
    sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 40px 28px 64px; }
h1 { font-size: 28px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 4px; }
h2 { font-size: 18px; letter-spacing: -.005em; margin: 44px 0 12px; }
p { margin: 0 0 10px; } .muted { color: var(--muted); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 12px;
  margin: 24px 0 0; }
.card { border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px;
  background: var(--soft); }
.card b { display: block; font-size: 25px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card span { color: var(--muted); font-size: 13px; }
.gate { margin: 24px 0 0; border: 1px solid var(--line); border-left: 4px solid var(--muted);
  border-radius: 8px; padding: 14px 18px; }
.gate.yes { border-left-color: #16a34a; } .gate.no { border-left-color: #dc2626; }
.gate ul { margin: 6px 0 0; padding-left: 20px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;
  font-size: 14px; }
th { text-align: right; color: var(--muted); font-weight: 600; font-size: 12.5px; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--line); }
td { text-align: right; } th:first-child, td:first-child { text-align: left; }
td .track { display: inline-block; width: 120px; height: 8px; border-radius: 4px;
  background: var(--line);
  margin-right: 10px; overflow: hidden; vertical-align: 1px; text-align: left; }
td .value { display: inline-block; min-width: 48px; }
td .track i { display: block; height: 8px; background: var(--blue); }
.scroll { overflow-x: auto; }
figure { margin: 0 0 24px; } figure img { max-width: 100%; height: auto; display: block; }
figcaption { color: var(--muted); font-size: 13px; margin-top: 4px; }
.image { border-top: 1px solid var(--line); padding: 16px 0 4px; }
.image h3 { font-size: 15px; margin: 0 0 2px; overflow-wrap: anywhere; }
.row { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 12px;
  margin-top: 10px; }
.row img { width: 100%; border-radius: 6px; } .row figure { margin-bottom: 8px; }
ol { padding-left: 22px; }
"""

_HEADLINES = (
    ("miou", "mIoU"),
    ("pixel_accuracy", "pixel accuracy"),
    ("dice", "Dice (data-set level)"),
    ("iiou", "iIoU"),
    ("category_iou", "category IoU"),
    ("mean_accuracy", "mean accuracy"),
    ("frequency_weighted_iou", "frequency-weighted IoU"),
    ("dice_image_mean", "Dice (mean of images)"),
    ("ece", "calibration error (ECE)"),
)


@dataclass(frozen=True)
class ImageRow:
    """One of the worst images, or of a pair's examples: `pictures` are (caption, PNG bytes)."""

    image_id: str
    words: str
    pictures: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True)
class Page:
    """What a report shows. `scores` is `Scores.to_json()` or the folder report's JSON.

    Attributes:
      figures: PNG bytes by caption, in order.
      confused: sentences on the most confused classes.
      examples: images of the first of them.
      cities: by city, scores by name (`images`, `miou`, ...).
      facts: short lines under the title (name, value), as data set, model, cycle.
    """

    title: str
    scores: Mapping[str, Any]
    facts: Mapping[str, str] = field(default_factory=dict)
    decision: Decision | None = None
    figures: Mapping[str, bytes] = field(default_factory=dict)
    confused: Sequence[str] = ()
    examples: Sequence[ImageRow] = ()
    worst: Sequence[ImageRow] = ()
    cities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def render(page: Page) -> str:
    """The page as one HTML document."""
    body = [
        f"<h1>{escape(page.title)}</h1>",
        _facts(page.facts),
        _cards(page.scores),
        "" if page.decision is None else _gate(page.decision),
        "<h2>Classes</h2>",
        _class_table(page.scores),
        "" if not page.scores.get("categories") else "<h2>Categories</h2>",
        _named_table("category", page.scores.get("categories", {}), ("iou", "iiou")),
        "" if not page.cities else "<h2>Cities</h2>",
        _named_table("city", page.cities, ("images", "miou", "pixel_accuracy", "dice", "iiou")),
        "" if not page.confused else "<h2>Most confused</h2>",
        _list(page.confused),
        *(_image(row) for row in page.examples),
        "" if not page.figures else "<h2>Figures</h2>",
        *(_figure(caption, png) for caption, png in page.figures.items()),
        "" if not page.worst else "<h2>Worst images</h2>",
        *(_image(row) for row in page.worst),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)}</title><style>{_STYLE}</style></head>\n<body><main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main></body></html>\n"
    )


def _percent(value: float | None) -> str:
    return '<span class="muted">&ndash;</span>' if value is None else f"{100 * value:.2f}"


def _facts(facts: Mapping[str, str]) -> str:
    parts = (f"{escape(name)}: {escape(value)}" for name, value in facts.items())
    return f'<p class="muted">{" &nbsp;·&nbsp; ".join(parts)}</p>' if facts else ""


def _cards(scores: Mapping[str, Any]) -> str:
    cards = (
        f'<div class="card"><b>{100 * scores[key]:.1f} %</b><span>{name}</span></div>'
        for key, name in _HEADLINES
        if scores.get(key) is not None
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def _gate(decision: Decision) -> str:
    word, style = ("Promoted", "yes") if decision.promote else ("Not promoted", "no")
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in decision.reasons)
    return f'<div class="gate {style}"><strong>{word}</strong><ul>{reasons}</ul></div>'


def _class_table(scores: Mapping[str, Any]) -> str:
    classes = scores["classes"]
    with_iiou = any(row.get("iiou") is not None for row in classes.values())
    rows = []
    for name, row in classes.items():
        width = 100 * (row["iou"] or 0.0)
        bar = f'<span class="track"><i style="width:{width:.1f}%"></i></span>'
        cells = [f'{bar}<span class="value">{_percent(row["iou"])}</span>']
        cells += [_percent(row["iiou"])] if with_iiou else []
        cells += [_percent(row["dice"]), _percent(row.get("accuracy"))]
        cells.append(f"{row.get('pixels', 0):,}")
        rows.append(f"<tr><td>{escape(name)}</td>{''.join(f'<td>{c}</td>' for c in cells)}</tr>")
    heads = ["class", "IoU %", "iIoU %", "Dice %", "accuracy %", "labeled pixels"]
    return _table([head for head in heads if with_iiou or head != "iIoU %"], rows)


def _named_table(first: str, rows: Mapping[str, Mapping[str, Any]], keys: Sequence[str]) -> str:
    if not rows:
        return ""
    shown = [key for key in keys if any(row.get(key) is not None for row in rows.values())]
    names = {"iou": "IoU %", "iiou": "iIoU %", "miou": "mIoU %", "dice": "Dice %"}
    names |= {"pixel_accuracy": "pixel accuracy %", "images": "images"}
    lines = []
    for name, row in rows.items():
        cells = (
            f"<td>{row.get(key) if key == 'images' else _percent(row.get(key))}</td>"
            for key in shown
        )
        lines.append(f"<tr><td>{escape(name)}</td>{''.join(cells)}</tr>")
    return _table((first, *(names[key] for key in shown)), lines)


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _list(sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ol>{items}</ol>" if sentences else ""


def _figure(caption: str, png: bytes) -> str:
    data = base64.b64encode(png).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _image(row: ImageRow) -> str:
    pictures = "".join(_figure(caption, png) for caption, png in row.pictures)
    return (
        f'<div class="image"><h3>{escape(row.image_id)}</h3>'
        f'<p class="muted">{escape(row.words)}</p><div class="row">{pictures}</div></div>'
    )

"""The HTML page on the labels that arrived with a cycle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from components.contracts.page.render import render
from components.contracts.step.report import LabelsReport

_TEMPLATE = Path(__file__).with_name("templates") / "labels.html"


@dataclass(frozen=True)
class _Page:
    title: str
    labels: LabelsReport


def labels_page(name: str, cycle: int, labels: LabelsReport) -> str:
    """Render the labels of one cycle of campaign `name` as an HTML document."""
    return render(_TEMPLATE, _Page(f"{name}, cycle {cycle}: labels", labels))

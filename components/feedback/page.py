"""The HTML page on the labels that arrived with a cycle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from components.contracts.annotation.fields import DATA_SET
from components.contracts.page.render import render
from components.contracts.step.report import LabelsReport, RejectedLabel

_TEMPLATE = Path(__file__).with_name("templates") / "labels.html"


@dataclass(frozen=True)
class _Page:
    title: str
    labels: LabelsReport

    @property
    def refused(self) -> list[RejectedLabel]:
        """What was rejected of the files that people handed in."""
        return [row for row in self.labels.refused if row.file != DATA_SET]

    @property
    def refused_masks(self) -> list[RejectedLabel]:
        """The masks of the data set that were rejected: they stay where they are."""
        return [row for row in self.labels.refused if row.file == DATA_SET]


def labels_page(name: str, cycle: int, labels: LabelsReport) -> str:
    """Render the labels of one cycle of campaign `name` as an HTML document."""
    return render(_TEMPLATE, _Page(f"{name}, cycle {cycle}: labels", labels))

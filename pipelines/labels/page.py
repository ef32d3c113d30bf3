"""The HTML page of a check of the labels: the list, and pictures of the worst."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from components.contracts.page.pictures import overlay, shrink, to_png
from components.contracts.page.render import render
from pipelines.labels.measure import Judged
from pipelines.labels.report import CheckedLabel, LabelsCheck

_TEMPLATE = Path(__file__).with_name("templates") / "check.html"
_WIDTH = 480  # pixels of a picture on the page
_LISTED = 200  # rows of the table; the JSON file has all
_OUTLINE = (255, 0, 255)  # RGB; no class has this colour


@dataclass(frozen=True)
class _Picture:
    caption: str
    png: bytes


@dataclass(frozen=True)
class Drawn:
    """One label map in pictures: image, label, prediction, each with its suspect regions outlined."""

    row: CheckedLabel
    pictures: tuple[_Picture, ...]


@dataclass(frozen=True)
class _Page:
    title: str
    check: LabelsCheck
    listed: list[CheckedLabel]
    in_sample: int
    drawn: list[Drawn]


def check_page(name: str, check: LabelsCheck, drawn: list[Drawn]) -> str:
    """Render the check of the labels of campaign `name` as an HTML document."""
    in_sample = sum(row.in_sample for row in check.images)
    page = _Page(f"{name}: labels to check", check, check.images[:_LISTED], in_sample, drawn)
    return render(_TEMPLATE, page)


def draw(image: np.ndarray, judged: Judged, row: CheckedLabel) -> Drawn:
    """Draw one label map.

    Args:
      image: uint8 [h, w, 3], RGB, at any size.
      judged: the label map and the model's answer.
      row: the regions to outline.
    """
    height, width = judged.label.shape
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    pictures = {
        "image": image,
        "label": overlay(image, judged.label, 0.65),
        "prediction": overlay(image, judged.predicted, 0.65),
    }
    line = max(1, round(2 * width / _WIDTH))
    drawn = [
        _Picture(caption, to_png(shrink(_outlined(picture, row, line), _WIDTH)))
        for caption, picture in pictures.items()
    ]
    return Drawn(row, tuple(drawn))


def _outlined(picture: np.ndarray, row: CheckedLabel, line: int) -> np.ndarray:
    result = picture.copy()
    for region in row.regions:
        top, left, bottom, right = region.box
        cv2.rectangle(result, (left, top), (right - 1, bottom - 1), _OUTLINE, line)
    return result

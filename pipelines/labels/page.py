"""The HTML page of a check of the labels: the list, and pictures of the worst."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from components.contracts.page.pictures import Picture, overlay, shrink, to_png
from components.contracts.page.render import render
from pipelines.labels.measure import Judged
from pipelines.labels.report import CheckedLabel, LabelsCheck
from tfds_cityscapes.labels import CLASS_NAMES

_TEMPLATE = Path(__file__).with_name("templates") / "check.html"
_WIDTH = 480  # pixels of a picture on the page
_LISTED = 200  # rows of the table; the JSON file has all
_OUTLINE = (0, 255, 255)  # RGB; no class has a colour like it


@dataclass(frozen=True)
class Drawn:
    """One label map in pictures: image, label, prediction, each with its suspect regions outlined."""

    row: CheckedLabel
    pictures: tuple[Picture, ...]


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


def draw(image: np.ndarray, judged: Judged, suspect: np.ndarray, row: CheckedLabel) -> Drawn:
    """Draw one label map.

    Args:
      image: uint8 [h, w, 3], RGB, at any size.
      judged: the label map and the model's answer.
      suspect: the suspect pixels, bool [H, W].
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
    lines = _outlines(judged, suspect, row)
    drawn = [
        Picture(
            caption,
            to_png(shrink(cv2.drawContours(picture.copy(), lines, -1, _OUTLINE, line), _WIDTH)),
        )
        for caption, picture in pictures.items()
    ]
    return Drawn(row, tuple(drawn))


def _outlines(judged: Judged, suspect: np.ndarray, row: CheckedLabel) -> list[np.ndarray]:
    """Return the contours of the regions that the report names."""
    lines: list[np.ndarray] = []
    for region in row.regions:
        top, left, bottom, right = region.box
        inside = np.zeros(suspect.shape, np.uint8)
        labeled, predicted = CLASS_NAMES.index(region.labeled), CLASS_NAMES.index(region.predicted)
        one = suspect & (judged.label == labeled) & (judged.predicted == predicted)
        inside[top:bottom, left:right] = one[top:bottom, left:right]
        lines += cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    return lines

"""The contents of a page of scores: what its templates show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.contracts.page.pictures import Picture, PictureRow
from components.contracts.scores.report import ImageScores

TEMPLATES = Path(__file__).with_name("templates")
SQUARE_ROOT = "Confusion matrix; the scale is a square root, so that small mistakes show"


def row_of_image(scores: ImageScores, pictures: Sequence[Picture]) -> PictureRow:
    """Return the row of one of the worst images."""
    words = (
        f"mIoU {100 * scores.miou:.1f} %, pixel accuracy {100 * scores.pixel_accuracy:.1f} %. "
        f"{scores.words}"
    )
    return PictureRow(scores.image_id, words, pictures)


@dataclass(frozen=True)
class ScoresPage:
    """What the page of a model and the page of a folder have in common.

    Attributes:
      title: the heading.
      facts: short values by name, shown below the title.
      figures: in order.
      confused: sentences on the most confused classes.
      examples: images of the first of them.
      worst: the images with the lowest mIoU.
    """

    title: str
    facts: Mapping[str, str]
    figures: Sequence[Picture]
    confused: Sequence[str]
    examples: Sequence[PictureRow]
    worst: Sequence[PictureRow]

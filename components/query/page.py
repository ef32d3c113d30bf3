"""The HTML page of a query: each image that people are asked for, what the model sees in it, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.predictor import Predictor
from components.contracts.page.pictures import Picture, PictureRow, overlay, shrink, to_jpeg
from components.contracts.page.render import render
from components.query.scored import Alike, Scored
from components.query.spotlight import spotlight
from components.query.strategies.entropy import entropy

_TEMPLATE = Path(__file__).with_name("templates") / "why.html"
_WIDTH = 320  # of a picture, in pixels: about 15 kB
# The pictures of more images would make the page larger than browsers and MLflow like: 60 take about 5 MB.
_MOST_PICTURED = 60


@dataclass(frozen=True)
class Asked:
    """What a query asks for.

    Attributes:
      chosen: the first choice first.
      alike: the labeled (or outstanding) image most like a chosen one, by its id, where one is known.
      strategy: that chose.
      why: it was used; empty if the recipe names it.
      candidates: how many images, or regions, it chose from.
    """

    chosen: Sequence[Scored]
    alike: Mapping[str, Alike]
    strategy: str
    why: str
    candidates: int


@dataclass(frozen=True)
class _Page:
    title: str
    facts: Mapping[str, str]
    why: str
    looked: bool
    rows: Sequence[PictureRow]
    others: Sequence[Scored]


def why_page(title: str, asked: Asked, records: Records, predictor: Predictor | None) -> str:
    """Render the page as an HTML document. One image at a time is in memory, beside the thumbnails.

    Args:
      title: its heading.
      asked: the query.
      records: of the train part.
      predictor: that chose; None in a cold start, where there are no predictions to show.
    """
    page = _Page(
        title=title,
        facts={
            **_counts(asked),
            "strategy": asked.strategy,
        },
        why=asked.why,
        looked=predictor is not None,
        rows=[
            _row(place, one, asked.alike.get(one.image_id), records, predictor)
            for place, one in enumerate(asked.chosen[:_MOST_PICTURED], 1)
        ],
        others=asked.chosen[_MOST_PICTURED:],
    )
    return render(_TEMPLATE, page)


def _counts(asked: Asked) -> dict[str, str]:
    regions = [len(one.tiles.numbers) for one in asked.chosen if one.tiles]
    if not regions:
        return {"images": f"{len(asked.chosen)} of {asked.candidates:,}"}
    return {"images": f"{len(asked.chosen)}", "regions": f"{sum(regions)} of {asked.candidates:,}"}


def _row(
    place: int, one: Scored, alike: Alike | None, records: Records, predictor: Predictor | None
) -> PictureRow:
    image = records.read(one.image_id).image
    regions = "" if one.tiles is None else f", regions {one.tiles}"
    thumbnail = shrink(image, _WIDTH)
    lit = None if one.tiles is None else one.tiles.mask(thumbnail.shape[:2])
    pictures = [Picture("image", to_jpeg(spotlight(thumbnail, lit)))]
    if predictor is not None:
        size = thumbnail.shape[0], thumbnail.shape[1]
        probabilities = predictor.probabilities(image, size)
        predicted = probabilities.argmax(-1).astype(np.uint8)
        pictures += [
            Picture("prediction", to_jpeg(overlay(thumbnail, predicted))),
            Picture("uncertainty", to_jpeg(heat(entropy(probabilities)))),
        ]
    if alike is not None:
        words = (
            f"nearest labeled or requested image: {alike.image_id}, distance {alike.distance:.1f}; "
            f"{100 * alike.nearer:.0f} % of the pool is nearer to such an image"
        )
        nearest = records.read(alike.image_id).image
        pictures.append(Picture(words, to_jpeg(shrink(nearest, _WIDTH))))
    sentence = f"{one.reason[:1].upper()}{one.reason[1:]}."
    return PictureRow(f"{place}. {one.image_id}{regions}", sentence, pictures)


def heat(uncertainty: np.ndarray) -> np.ndarray:
    """Paint a map of doubt [H, W] in [0, 1]: uint8 [H, W, 3], RGB, from black over red to yellow."""
    # A square root: most pixels are nearly sure, and the others are what the map is for.
    levels = np.round(255 * np.sqrt(np.clip(uncertainty, 0, 1))).astype(np.uint8)
    painted: np.ndarray = cv2.cvtColor(
        cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB
    )
    return painted

"""The page on a folder of predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from components.contracts.page.pictures import Picture, PictureRow, shrink, to_png
from components.contracts.page.render import render
from components.contracts.scores.summary import summarize
from components.evaluate.benchmark.id_files import read_labels
from components.evaluate.benchmark.report import FolderScores
from components.evaluate.benchmark.scoring import FolderReport
from components.evaluate.report.contents import (
    SQUARE_ROOT,
    TEMPLATES,
    ScoresPage,
    row_of_image,
)
from components.evaluate.report.examples import PAIRS_SHOWN, example_row
from components.evaluate.report.figures import class_iou_figure, confusion_figure
from components.evaluate.report.pictures import error_map
from tfds_cityscapes.labels import colorize, to_train_ids

_WIDTH = 640  # of a picture, in pixels


@dataclass(frozen=True)
class FolderPage(ScoresPage):
    """The page on a folder."""

    scores: FolderScores


def folder_page(report: FolderReport, predictions: str) -> str:
    """Render the scores of the folder named `predictions` as an HTML document."""
    scores = report.scores
    page = FolderPage(
        title="Cityscapes scores",
        facts={
            "images": f"{scores.images:,}",
            "scored pixels": f"{scores.pixels:,}",
            "predictions": predictions,
        },
        figures=[
            Picture("IoU per class", class_iou_figure(summarize(report.confusion))),
            Picture(SQUARE_ROOT, confusion_figure(report.confusion)),
        ],
        confused=[pair.words for pair in scores.most_confused],
        examples=list(_examples(report)),
        worst=list(_worst(report)),
        scores=scores,
    )
    return render(TEMPLATES / "folder.html", page)


def _examples(report: FolderReport) -> Iterator[PictureRow]:
    for pair in report.scores.most_confused[:PAIRS_SHOWN]:
        labels, predicted = _read(report, str(pair.example))
        colours = colorize(labels)
        views = {
            "labels": colours,
            "prediction": colorize(predicted),
            "confused (red)": colours,
        }
        yield example_row(pair, labels, predicted, views)


def _worst(report: FolderReport) -> Iterator[PictureRow]:
    for image in report.scores.worst_images:
        labels, predicted = _read(report, image.image_id)
        views = {
            "labels": colorize(labels),
            "prediction": colorize(predicted),
            "mistakes (red)": error_map(labels, predicted),
        }
        pictures = [Picture(name, to_png(shrink(one, _WIDTH))) for name, one in views.items()]
        yield row_of_image(image, pictures)


def _read(report: FolderReport, image_id: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels and the prediction of one image: train ids [H, W]."""
    truth, prediction = report.files[image_id]
    return to_train_ids(read_labels(truth.labels)), to_train_ids(read_labels(prediction))

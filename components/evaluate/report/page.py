"""The page on a model's evaluation, and the figures and pictures in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from components.contracts.data.records import Records
from components.contracts.forecast.forecast import Forecast
from components.contracts.model.predictor import Predictor
from components.contracts.page.pictures import (
    Picture,
    PictureRow,
    overlay,
    shrink,
    to_png,
)
from components.contracts.page.render import render
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.scores.report import SplitScores
from components.evaluate.assess import Assessment
from components.evaluate.explain import ConfusedPair
from components.evaluate.gate import Decision
from components.evaluate.report.contents import (
    SQUARE_ROOT,
    TEMPLATES,
    ScoresPage,
    row_of_image,
)
from components.evaluate.report.examples import PAIRS_SHOWN, WIDTH, example_row
from components.evaluate.report.figures import (
    class_iou_figure,
    confusion_figure,
    reliability_figure,
)
from components.evaluate.report.pictures import error_map

_CURVE = "Learning curve: each cycle's own model on val, and the 80 % interval of further ones"


@dataclass(frozen=True)
class ModelPage(ScoresPage):
    """The page on a model; without a decision it has no gate, and without a campaign no forecast."""

    scores: SplitScores
    decision: Decision | None
    forecast: str


def pictures_of(
    predictor: Predictor, records: Records, image_ids: Sequence[str]
) -> dict[str, bytes]:
    """Draw labels, prediction and mistakes of images side by side: a PNG file by image id."""
    out = {}
    for image_id in image_ids:
        image, truth, predicted = _predict(predictor, records, image_id)
        views = (overlay(image, truth), overlay(image, predicted), error_map(truth, predicted))
        out[image_id] = to_png(np.concatenate([shrink(v, WIDTH) for v in views], axis=1))
    return out


def examples_of(
    predictor: Predictor, records: Records, pairs: Sequence[ConfusedPair]
) -> list[PictureRow]:
    """Show where the image that confuses a pair of classes most does so, for the first pairs."""
    rows = []
    for pair in pairs[:PAIRS_SHOWN]:
        assert pair.example is not None  # an assessment tracks them
        image, truth, predicted = _predict(predictor, records, pair.example)
        views = {
            "labels": overlay(image, truth),
            "prediction": overlay(image, predicted),
            "confused (red)": image,
        }
        rows.append(example_row(pair, truth, predicted, views))
    return rows


def _predict(
    predictor: Predictor, records: Records, image_id: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return image uint8 [H, W, 3], labels and prediction [H, W], all at the labels' size."""
    record = records.read(image_id)
    image, truth = record.image, record.label
    assert truth is not None  # only scored images come here
    predicted = predictor.classes(image, truth.shape)
    if image.shape[:2] != truth.shape:
        image = cv2.resize(image, truth.shape[::-1])
    return image, truth, predicted


def figures_of(assessment: Assessment) -> dict[str, bytes]:
    """Draw the figures of an assessment: PNG files by name."""
    return {
        "class_iou": class_iou_figure(assessment.scores),
        "confusion": confusion_figure(assessment.confusion),
        "reliability": reliability_figure(assessment.calibration.scores()),
    }


def model_page(
    name: str,
    cycle: int | None,
    assessment: Assessment,
    decision: Decision | None,
    pictures: Mapping[str, bytes],
    split: str = "val",
    figures: Mapping[str, bytes] | None = None,
    examples: Sequence[PictureRow] = (),
    inference: InferenceSettings | None = None,
    forecast: Forecast | None = None,
) -> str:
    """Render one self-contained HTML document on a model: a cycle's, or one without a campaign."""
    scores = assessment.report()
    figures = figures or figures_of(assessment)
    page = ModelPage(
        title=name if cycle is None else f"{name}, cycle {cycle}",
        facts={
            "split": split,
            "images": f"{scores.images:,}",
            "scored pixels": f"{scores.pixels:,}",
            "images shown to the model": (inference or InferenceSettings()).words,
        },
        figures=[
            Picture("IoU per class", figures["class_iou"]),
            Picture(SQUARE_ROOT, figures["confusion"]),
            Picture("Reliability", figures["reliability"]),
            *(Picture(_CURVE, figures[name]) for name in figures if name == "learning_curve"),
        ],
        confused=scores.most_confused,
        examples=examples,
        worst=[
            row_of_image(
                image, [Picture("labels, prediction, mistakes (red)", pictures[image.image_id])]
            )
            for image in scores.worst_images
            if image.image_id in pictures
        ],
        scores=scores,
        decision=decision,
        forecast=forecast.words if forecast else "",
    )
    return render(TEMPLATES / "model.html", page)

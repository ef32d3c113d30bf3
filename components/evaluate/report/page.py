"""The report of a model's evaluation, as a page and as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.predictor import Predictor
from components.contracts.recipe.inference import InferenceSettings
from components.evaluate.assess import Assessment
from components.evaluate.gate import Decision
from components.evaluate.report.explain import NOT_SCORED, ConfusedPair
from components.evaluate.report.figures import (
    class_iou_figure,
    confusion_figure,
    reliability_figure,
)
from components.evaluate.report.pictures import (
    busiest,
    error_map,
    highlight,
    mixed_up,
    overlay,
    shrink,
    to_png,
)
from components.evaluate.report.report_html import ImageRow, Page, render
from tfds_cityscapes.labels import CLASS_NAMES

PAIRS_SHOWN = 4  # of the most confused pairs of classes
_WIDTH = 480  # of a picture in a report, in pixels


def pictures_of(
    predictor: Predictor, records: Records, image_ids: list[str]
) -> dict[str, np.ndarray]:
    """Labels, prediction and mistakes of some images, side by side: uint8 [h, w, 3] by id."""
    out = {}
    for image_id in image_ids:
        image, truth, predicted = _predicted(predictor, records, image_id)
        views = (overlay(image, truth), overlay(image, predicted), error_map(truth, predicted))
        out[image_id] = np.concatenate([shrink(v, _WIDTH) for v in views], axis=1)
    return out


def examples_of(
    predictor: Predictor, records: Records, pairs: Sequence[ConfusedPair]
) -> list[ImageRow]:
    """For the first pairs of classes, where the image that mixes them up most does so."""
    rows = []
    for pair in pairs[:PAIRS_SHOWN]:
        assert pair.example is not None  # an assessment keeps track of them
        image, truth, predicted = _predicted(predictor, records, pair.example)
        views = {
            "labels": overlay(image, truth),
            "prediction": overlay(image, predicted),
            "mixed up (red)": image,
        }
        rows.append(example_row(pair, truth, predicted, views))
    return rows


def example_row(
    pair: ConfusedPair, truth: np.ndarray, predicted: np.ndarray, views: dict[str, np.ndarray]
) -> ImageRow:
    """One pair's example, cut out around the mistakes.

    Args:
      pair: which classes.
      truth, predicted: the example's train ids [H, W].
      views: pictures uint8 [H, W, 3] by caption; the mistakes are painted on the last one.
    """
    names = [*CLASS_NAMES, NOT_SCORED]
    mask = mixed_up(truth, predicted, names.index(pair.truth), names.index(pair.predicted))
    window = busiest(mask)
    *_, last = views
    painted = views | {last: highlight(views[last], mask)}
    return ImageRow(
        f"{pair.truth} taken for {pair.predicted}",
        f"In {pair.example}; {int(mask.sum()):,} of the {pair.pixels:,} pixels are here.",
        [(name, to_png(shrink(view[window], _WIDTH))) for name, view in painted.items()],
    )


def _predicted(
    predictor: Predictor, records: Records, image_id: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image uint8 [H, W, 3], labels and prediction [H, W], all at the labels' size."""
    record = records.read(image_id)
    truth = record.label
    assert truth is not None  # only scored images come here
    predicted = predictor.probabilities(record.image, truth.shape).argmax(-1).astype(np.uint8)
    return _to_size(record.image, truth.shape), truth, predicted


def _to_size(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    import cv2

    return cv2.resize(image, (size[1], size[0])) if image.shape[:2] != size else image


def figures_of(found: Assessment) -> dict[str, bytes]:
    """The figures of an assessment: PNG bytes by name."""
    return {
        "class_iou": class_iou_figure(found.scores),
        "confusion": confusion_figure(found.confusion),
        "reliability": reliability_figure(found.calibration.to_json()),
    }


def model_page(
    name: str,
    cycle: int | None,
    val: Assessment,
    decision: Decision | None,
    pictures: dict[str, np.ndarray],
    split: str = "val",
    figures: dict[str, bytes] | None = None,
    examples: Sequence[ImageRow] = (),
    inference: InferenceSettings | None = None,
) -> str:
    """One self-contained HTML document on a model: a cycle's, or one without a campaign."""
    scores = val.to_json()
    figures = figures or figures_of(val)
    rows = [
        ImageRow(
            worst.image_id,
            f"mIoU {100 * worst.miou:.1f} %, pixel accuracy {100 * worst.pixel_accuracy:.1f} %. "
            f"{worst.words}",
            [("labels, prediction, mistakes", to_png(pictures[worst.image_id]))],
        )
        for worst in val.worst.list()
        if worst.image_id in pictures
    ]
    page = Page(
        title=name if cycle is None else f"{name}, cycle {cycle}",
        scores=scores | {"ece": scores["calibration"]["ece"]},
        facts={
            "split": split,
            "images": str(val.images),
            "scored pixels": f"{scores['pixels']:,}",
            "shown": (inference or InferenceSettings()).words,
        },
        decision=decision,
        figures={
            "IoU per class": figures["class_iou"],
            "Confusion matrix; the scale is a square root, so that small mistakes show": (
                figures["confusion"]
            ),
            "Reliability": figures["reliability"],
        },
        confused=scores["most_confused"],
        examples=examples,
        worst=rows,
        cities=scores["cities"],
    )
    return render(page)

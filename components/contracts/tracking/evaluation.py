"""A cycle's evaluation in MLflow, sent from the campaign root.

The evaluate step sends it; if MLflow was down, a later opening sends the same. A tag marks a run
that has all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.contracts.recipe.recipe import Recipe
from components.contracts.scores.report import HEADLINES, Evaluation
from components.contracts.storage.base import Storage
from components.contracts.tracking.client import Points, Tracker
from components.contracts.tracking.registry import register_model

_ARRIVED = "streetloop.evaluation"  # tag of a run: the model whose evaluation it has


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of one cycle's model, and where its files are in the campaign root.

    Attributes:
      folder: has report.html, figures/*.png and images/*.png.
      model: the model's id.
      generator: the name of its generator file.
    """

    cycle: int
    folder: str
    model: str
    generator: str
    evaluation: Evaluation


def score_metrics(evaluation: Evaluation) -> dict[str, float | None]:
    """Return the scores of `dev` and `val` as metrics of MLflow: headlines, and IoU per class."""
    out: dict[str, float | None] = {}
    for split, scores in (("dev", evaluation.dev), ("val", evaluation.val)):
        out |= {f"{split}/{name}": getattr(scores, name) for name in HEADLINES}
        for name, row in scores.classes.items():
            out[f"{split}_iou/{name}"] = row.iou
    return out


def send_evaluation(
    tracker: Tracker,
    run_id: str | None,
    storage: Storage,
    recipe: Recipe,
    sent: Evaluated,
    at_ms: int,
) -> None:
    """Send scores, figures, images, the report and the model to a cycle's run, where missing.

    Args:
      tracker: the campaign's MLflow.
      run_id: the cycle's run.
      storage: the campaign root.
      recipe: the campaign's settings.
      sent: the evaluation.
      at_ms: the time of the points.
    """
    model, evaluation, cycle = sent.model, sent.evaluation, sent.cycle
    if run_id is None or (tracker.tags(run_id) or {}).get(_ARRIVED) == model:
        return
    tracker.log_series(run_id, [Points(score_metrics(evaluation), cycle, at_ms)])
    scores = evaluation.model_dump_json(include={"dev", "val"}, indent=1)
    files = {"scores.json": scores.encode()}
    for name in storage.list(sent.folder):
        short = name.removeprefix(f"{sent.folder}/")
        if short == "report.html" or short.startswith("figures/"):
            files[short] = storage.read(name)
        elif short.startswith("images/"):
            key = short.removeprefix("images/").removesuffix(".png")
            tracker.log_image(run_id, _pixels(storage.read(name)), f"val/{key}", cycle)
        elif short.startswith("watched/") and short.endswith("/prediction.png"):
            # The same images in every run: MLflow's grid shows them side by side.
            key = short.removesuffix("/prediction.png")
            tracker.log_image(run_id, _pixels(storage.read(name)), key, cycle)
    tracker.log_files(run_id, files)
    tracker.set_tags(run_id, {"promoted": str(evaluation.promoted).lower(), "model": model})
    generator = _local_file(storage, sent.generator)
    size = None if recipe.data.size == "native" else list(recipe.data.size)
    shown = {"size": size, "inference": recipe.inference.model_dump(mode="json")}
    register_model(
        tracker,
        run_id,
        recipe.name,
        generator,
        model,
        _description(cycle, evaluation),
        cycle,
        shown,
    )
    # Last: after a failure, `quietly` skips this too.
    tracker.set_tags(run_id, {_ARRIVED: model})


def _local_file(storage: Storage, name: str) -> Path:
    folder, _, file = name.rpartition("/")
    return storage.local_dir(folder) / file


def _description(cycle: int, evaluation: Evaluation) -> str:
    val = evaluation.val
    numbers = (
        f"Cycle {cycle}: val mIoU {_percent(val.miou)}, pixel accuracy "
        f"{_percent(val.pixel_accuracy)}, Dice {_percent(val.dice)}."
    )
    return " ".join([numbers, *evaluation.reasons])


def _percent(value: float | None) -> str:
    return "undefined" if value is None else f"{100 * value:.1f} %"


def _pixels(png: bytes) -> np.ndarray:
    """Decode a PNG into uint8 [H, W, 3], RGB."""
    import cv2

    bgr: np.ndarray | None = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None  # the evaluate step wrote it
    return bgr[..., ::-1]

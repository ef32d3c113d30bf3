"""What MLflow holds of a cycle's evaluation, sent from the campaign root.

The evaluation sends it at once; if MLflow was away, a later opening sends the same. A tag says that
all of it has arrived.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from components.contracts.storage.base import Storage
from components.contracts.tracking.client import Points, Tracker
from components.contracts.tracking.registry import register_model

HEADLINES = ("miou", "pixel_accuracy", "dice")
_ARRIVED = "streetloop.evaluation"  # tag of a run: the model whose evaluation it holds
_SPLITS = ("dev", "val")


def folder(cycle: int) -> str:
    """Where a cycle's evaluation lies: report.html, figures/*.png and images/*.png."""
    return f"cycles/{cycle}"


def score_metrics(report: Mapping[str, Any]) -> dict[str, float | None]:
    """The scores of `dev` and `val` as metrics of MLflow: headlines, and the IoU of each class."""
    out: dict[str, float | None] = {}
    for split in _SPLITS:
        scores = report.get(split) or {}
        out |= {f"{split}/{k}": scores.get(k) for k in HEADLINES}
        for name, row in (scores.get("classes") or {}).items():
            out[f"{split}_iou/{name}"] = row["iou"]
    return out


def send_evaluation(
    tracker: Tracker,
    run_id: str | None,
    storage: Storage,
    recipe: Mapping[str, Any],
    cycle: int,
    report: Mapping[str, Any],
    at_ms: int,
) -> None:
    """Sends scores, figures, images, the report and the model to a cycle's run, if they lack.

    Args:
      tracker: the campaign's MLflow.
      run_id: the cycle's run.
      storage: the campaign root.
      recipe: the resolved recipe.
      cycle: the cycle.
      report: of the evaluation: `model`, `dev`, `val`, `promoted` and `reasons`.
      at_ms: the time of the points.
    """
    model = report["model"]
    if run_id is None or (tracker.tags(run_id) or {}).get(_ARRIVED) == model:
        return
    tracker.log_series(run_id, [Points(score_metrics(report), cycle, at_ms)])
    files = {"scores.json": json.dumps({k: report[k] for k in _SPLITS}, indent=1).encode()}
    for name in storage.list(folder(cycle)):
        short = name.removeprefix(f"{folder(cycle)}/")
        if short == "report.html" or short.startswith("figures/"):
            files[short] = storage.read(name)
        elif short.startswith("images/"):
            key = short.removeprefix("images/").removesuffix(".png")
            tracker.log_image(run_id, _pixels(storage.read(name)), f"val/{key}", cycle)
    tracker.log_files(run_id, files)
    tracker.set_tags(run_id, {"promoted": str(report["promoted"]).lower(), "model": model})
    generator = storage.local_dir(f"models/{model}") / "generator.keras"
    size = recipe["data"].get("size")
    shown = {"size": None if size == "native" else size, "inference": recipe["inference"]}
    register_model(
        tracker,
        run_id,
        recipe["name"],
        generator,
        model,
        _description(cycle, report),
        cycle,
        shown,
    )
    # Last: after a failure, `quietly` skips this too.
    tracker.set_tags(run_id, {_ARRIVED: model})


def _description(cycle: int, report: Mapping[str, Any]) -> str:
    val = report["val"]
    numbers = (
        f"Cycle {cycle}: val mIoU {_percent(val['miou'])}, pixel accuracy "
        f"{_percent(val['pixel_accuracy'])}, Dice {_percent(val['dice'])}."
    )
    return " ".join([numbers, *report["reasons"]])


def _percent(value: float | None) -> str:
    return "undefined" if value is None else f"{100 * value:.1f} %"


def _pixels(png: bytes) -> np.ndarray:
    """uint8 [H, W, 3] of a PNG."""
    import cv2

    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None  # the evaluation wrote it
    return picture[..., ::-1]

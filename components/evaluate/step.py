"""Evaluate, as a step of a cycle: the new model's scores, and whether it becomes champion."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.contracts.data.records import Records
from components.contracts.model.files import load_generator
from components.contracts.model.predictor import Predictor
from components.contracts.process.progress import Progress
from components.contracts.recipe.evaluate import EvaluateSettings
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.tracking import TrackingSettings, store_uri
from components.contracts.scores.metrics import Scores
from components.contracts.step.context import Context, begin
from components.contracts.tracking.client import Tracker, milliseconds
from components.contracts.tracking.evaluation import folder, send_evaluation
from components.contracts.tracking.registry import CHALLENGER, CHAMPION, set_alias
from components.evaluate.assess import Assessment, assess, baseline
from components.evaluate.gate import Decision, decide
from components.evaluate.report.page import examples_of, figures_of, model_page, pictures_of
from components.evaluate.report.pictures import to_png


def run(recipe: str, root: str, cycle: int, fence: int, records: str, model: str) -> dict[str, Any]:
    """Scores the cycle's model on dev and val, and promotes it if it is better on dev.

    The champion is scored on the same dev images in the same run. `val` decides nothing.

    Returns:
      {"dev", "val": scores, "baseline": the most frequent class, "promoted", "reasons",
      "report": the name of the HTML page in the campaign root}.
    """
    begin("evaluate")
    context = Context(recipe, root, cycle, fence)
    settings = context.settings("evaluate", EvaluateSettings)
    inputs = {
        "model": model,
        "records": records,
        "settings": settings.model_dump(mode="json"),
        "inference": context.recipe["inference"],
    }
    return context.once("evaluate", inputs, lambda: _evaluate(context, settings, records, model))


def _evaluate(
    context: Context, settings: EvaluateSettings, prefix: str, model: str
) -> dict[str, Any]:
    records = Records(context.storage.local_dir(prefix))
    challenger = _predictor(context, model)
    before = context.champion_before()
    images = {split: len(records.ids(split)) for split in ("dev", "val")}
    total = images["val"] + images["dev"] * (2 if before else 1)
    progress = Progress("evaluate", "images scored", total)
    dev = assess(challenger, records, "dev", progress=progress.update)
    rival = None
    if before:
        rival = assess(
            _predictor(context, before),
            records,
            "dev",
            progress=lambda done: progress.update(images["dev"] + done),
        )
    done_before = total - images["val"]
    val = assess(
        challenger,
        records,
        "val",
        settings.overlays,
        lambda done: progress.update(done_before + done),
    )
    decision = _decide(dev, rival, settings)
    outputs: dict[str, Any] = {
        "dev": dev.to_json(),
        "val": val.to_json(),
        "baseline": baseline(val.confusion),
        "promoted": decision.promote,
        "reasons": decision.reasons,
        "report": f"{folder(context.cycle)}/report.html",
    }
    if decision.promote:
        context.ledger.commit(
            "promotion",
            f"promote/{context.cycle}",
            {
                "cycle": context.cycle,
                "model": model,
                "metrics": {"dev/miou": dev.scores.miou, "val/miou": val.scores.miou},
                "reasons": decision.reasons,
            },
            fence=context.fence,
        )
    pictures = pictures_of(challenger, records, [w.image_id for w in val.worst.list()])
    figures = figures_of(val)
    name = context.recipe["name"]
    page = model_page(
        name,
        context.cycle,
        val,
        decision,
        pictures,
        figures=figures,
        examples=examples_of(challenger, records, val.confused),
        inference=context.settings("inference", InferenceSettings),
    )
    context.storage.write(outputs["report"], page.encode())
    _keep(context, pictures, figures)
    _track(context, outputs | {"model": model})
    return outputs


def _keep(context: Context, pictures: dict[str, np.ndarray], figures: dict[str, bytes]) -> None:
    """Writes figures and pictures to the campaign root, in place of an earlier attempt's."""
    where = folder(context.cycle)
    context.storage.delete_prefix(f"{where}/images")
    for key, png in figures.items():
        context.storage.write(f"{where}/figures/{key}.png", png)
    for image_id, picture in pictures.items():
        context.storage.write(f"{where}/images/{image_id}.png", to_png(picture))


def _predictor(context: Context, model: str) -> Predictor:
    path = context.storage.local_dir(f"models/{model}") / "generator.keras"
    return Predictor(load_generator(path), context.settings("inference", InferenceSettings))


def _decide(dev: Assessment, rival: Assessment | None, settings: EvaluateSettings) -> Decision:
    if not dev.images:
        return Decision(True, ["There is no dev image to compare on: the newest model is used."])
    gate = settings.gate
    champion: Scores | None = rival.scores if rival else None
    return decide(
        dev.scores,
        champion,
        margin=gate.margin,
        protected=gate.protected,
        max_drop=gate.max_drop,
    )


def _track(context: Context, report: dict[str, Any]) -> None:
    """Sends the evaluation to MLflow, and points the aliases at the model."""
    tracking = context.settings("tracking", TrackingSettings)
    tracker = Tracker(store_uri(tracking, context.root), tracking.experiment)
    current = context.ledger.state().cycles[context.cycle]
    at = milliseconds(current.opened_at)
    send_evaluation(
        tracker, current.run_id, context.storage, context.recipe, context.cycle, report, at
    )
    name = context.recipe["name"]
    set_alias(tracker, name, CHALLENGER, report["model"])
    if report["promoted"]:
        set_alias(tracker, name, CHAMPION, report["model"])

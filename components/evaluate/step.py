"""Evaluate, as a step of a cycle: the new model's scores, and whether it becomes champion."""

from __future__ import annotations

from components.contracts.forecast.forecast import forecast_of
from components.contracts.ledger import layout
from components.contracts.ledger.units import labeled_units
from components.contracts.process.progress import Progress
from components.contracts.recipe.evaluate import GateSettings
from components.contracts.step.context import Context, begin
from components.contracts.step.done import read_marker
from components.contracts.step.results import EvaluateResult, SplitResult
from components.contracts.tracking.client import milliseconds
from components.contracts.tracking.evaluation import Evaluated, send_evaluation
from components.contracts.tracking.registry import CHALLENGER, set_alias
from components.evaluate.assess import Assessment, assess, baseline
from components.evaluate.gate import Decision, decide
from components.evaluate.report.learning_curve import learning_curve_figure
from components.evaluate.report.page import examples_of, figures_of, model_page, pictures_of
from components.evaluate.report.watched import watched_pictures


def run(recipe: str, root: str, cycle: int, fence: int, records: str, model: str) -> EvaluateResult:
    """Score the cycle's model on dev and val, and promote it if it is better on dev.

    The champion is scored on the same dev images in the same run. `val` decides nothing.
    """
    begin("evaluate")
    context = Context(recipe, root, cycle, fence)
    context.keep_log("evaluate")
    inputs = {
        "model": model,
        "records": records,
        "settings": context.recipe.evaluate.model_dump(mode="json"),
        "inference": context.recipe.inference.model_dump(mode="json"),
    }
    return context.once(
        "evaluate", inputs, EvaluateResult, lambda: _evaluate(context, records, model)
    )


def _evaluate(context: Context, prefix: str, model: str) -> EvaluateResult:
    recipe, records = context.recipe, context.records(prefix)
    challenger = context.predictor(model)
    before = context.champion_before()
    dev_images, val_images = (len(records.ids(split)) for split in ("dev", "val"))
    total = dev_images * (2 if before else 1) + val_images
    progress = Progress("evaluate", "images scored", total)
    dev = assess(challenger, records, "dev", progress=progress.update)
    champion = None
    if before:
        champion = assess(
            context.predictor(before),
            records,
            "dev",
            progress=lambda done: progress.update(dev_images + done),
        )
    val = assess(
        challenger,
        records,
        "val",
        recipe.evaluate.overlays,
        lambda done: progress.update(total - val_images + done),
    )
    decision = _decide(dev, champion, recipe.evaluate.gate)
    result = EvaluateResult(
        dev=dev.report(),
        val=val.report(),
        baseline=baseline(val.confusion),
        promoted=decision.promote,
        reasons=decision.reasons,
        report=layout.evaluation_page(context.cycle),
    )
    pictures = pictures_of(challenger, records, [w.image_id for w in val.worst.list()])
    figures = figures_of(val)
    curve = _learning_curve(context, val.scores.miou)
    forecast = forecast_of(curve, recipe.cycle.target_miou)
    band = forecast.band if forecast else ()
    figures["learning_curve"] = learning_curve_figure(
        {"mIoU": curve}, band=band, unit=recipe.query.unit
    )
    page = model_page(
        recipe.name,
        context.cycle,
        val,
        decision,
        pictures,
        figures=figures,
        examples=examples_of(challenger, records, val.confused),
        inference=recipe.inference,
        forecast=forecast,
    )
    context.storage.write(result.report, page.encode())
    watched = watched_pictures(challenger, records, recipe.evaluate.watched)
    _store(context, pictures, figures, watched)
    _track(context, model, result)
    # Last: a figure that cannot be drawn must not leave a champion whose evaluation never ends.
    # Closing the cycle points MLflow's alias at it.
    if decision.promote:
        _promote(context, model, result)
    return result


def _learning_curve(context: Context, miou: float | None) -> list[tuple[int, float]]:
    """Return labeled images (or regions) and mIoU on `val` of the campaign's models, this cycle's the last."""
    state, settings = context.ledger.state(), context.recipe.query
    curve = state.learning_curve
    split = read_marker(context.storage, context.cycle, "split")
    if split is None or miou is None:
        return curve
    labels = SplitResult.model_validate(split.outputs).labeled
    return [*curve, (labels if settings.grid is None else labeled_units(state, settings), miou)]


def _decide(dev: Assessment, champion: Assessment | None, gate: GateSettings) -> Decision:
    if not dev.scores.pixels:
        return Decision(True, ["There is no dev label to compare on: the newest model is used."])
    return decide(dev.scores, champion.scores if champion else None, gate)


def _promote(context: Context, model: str, result: EvaluateResult) -> None:
    key = f"promote/{context.cycle}"
    promotion = {
        "cycle": context.cycle,
        "model": model,
        "metrics": {"dev/miou": result.dev.miou, "val/miou": result.val.miou},
        "reasons": result.reasons,
    }
    event = context.ledger.commit("promotion", key, promotion, fence=context.fence)
    if event.payload.model != model:
        # An interrupted cycle that resumed with other settings has trained a second model.
        context.ledger.commit("promotion", f"{key}/{model}", promotion, fence=context.fence)


def _store(
    context: Context,
    pictures: dict[str, bytes],
    figures: dict[str, bytes],
    watched: dict[str, bytes],
) -> None:
    """Write figures and pictures to the campaign root, replacing those of an earlier attempt."""
    folder = layout.cycle_folder(context.cycle)
    context.storage.delete_prefix(f"{folder}/images")
    context.storage.delete_prefix(layout.watched_folder(context.cycle))
    for key, png in figures.items():
        context.storage.write(f"{folder}/figures/{key}.png", png)
    for image_id, png in pictures.items():
        context.storage.write(f"{folder}/images/{image_id}.png", png)
    for name, png in watched.items():
        context.storage.write(f"{layout.watched_folder(context.cycle)}/{name}.png", png)


def _track(context: Context, model: str, result: EvaluateResult) -> None:
    """Send the evaluation to MLflow, and point its alias at the newest model."""
    tracker, recipe, cycle = context.tracker(), context.recipe, context.cycle
    folder, generator = layout.cycle_folder(cycle), layout.generator_file(model)
    sent = Evaluated(cycle, folder, model, generator, result)
    at = milliseconds(context.opened.opened_at)
    send_evaluation(tracker, context.opened.run_id, context.storage, recipe, sent, at)
    set_alias(tracker, recipe.name, CHALLENGER, model)

"""Closes a cycle: its report, the event, and the end of its MLflow run."""

from __future__ import annotations

import html
import logging

from pydantic import ValidationError

from components.contracts.forecast.forecast import Forecast, forecast_of
from components.contracts.ledger import layout
from components.contracts.ledger.events import Outcome
from components.contracts.ledger.lease import close_cycle, release
from components.contracts.ledger.state import CycleState, CycleSummary
from components.contracts.ledger.units import labeled_images, labeled_units
from components.contracts.step.context import Context, begin
from components.contracts.step.done import read_marker
from components.contracts.step.kept_log import drop_log
from components.contracts.step.plan import Plan
from components.contracts.step.report import CycleReport, LabelsReport, RegionCounts
from components.contracts.step.results import FeedbackResult, Results
from components.cycle.finish import finish
from components.cycle.idle import idle_words
from components.cycle.news import tell_failed
from components.cycle.stability import compare_with_before

log = logging.getLogger("streetloop")
_STEPS = ("feedback", "split", "train", "evaluate", "query")
# The steps that must be done before a cycle may end, by its plan.
_NEEDED: dict[Plan, set[str]] = {
    Plan.NOTHING: set(),
    Plan.ASK: {"query"},
    Plan.TRAIN: {"split", "train", "evaluate", "query"},
}
_NO_PAGE = "<p>This run has ingested no labels.</p>"


def run(recipe: str, root: str, owner: str, why: str = "") -> str:
    """Close the owner's cycle, or give the lease back if a step failed.

    Args:
      recipe: the resolved recipe, JSON.
      root: the campaign root's URI.
      owner: the pipeline run's id, as the cycle was opened with.
      why: what failed, for the ledger.

    Returns:
      the HTML page on the labels that arrived, if the feedback step wrote one; that of a run that
      opened no cycle says why.
    """
    begin("cycle")
    context = Context(recipe, root)
    context.keep_log("close-cycle", owner)
    state = context.ledger.state()
    current, last = state.open_cycle, state.last_cycle
    if last is not None and last.closed and last.owner == owner:
        # An attempt was interrupted after it had closed the cycle.
        context = context.at(last)
        finish(context)
        return _labels_page(context)
    if current is None or current.owner != owner:
        drop_log()
        log.info("no cycle of run %s is open: nothing to close", owner)
        return _idle_page(context) if current is None else _held_page(current)
    context = context.at(current)
    results = read_results(context)
    feedback = results.feedback
    if feedback is None or not _NEEDED[feedback.plan] <= results.seconds.keys():
        release(context.ledger, owner, current.cycle, current.fence, why or "a step failed")
        log.warning("cycle %d stays open; the next run resumes it", current.cycle)
        tell_failed(context, why)
        return _labels_page(context)
    report = build_report(context, feedback, results)
    _close(context, current.fence, report, feedback)
    finish(context)
    return _labels_page(context)


def _labels_page(context: Context) -> str:
    # Not as feedback's marker says: split deletes it if the cycle needs another label.
    name = layout.labels_page(context.cycle)
    return context.storage.read(name).decode() if context.storage.exists(name) else _NO_PAGE


def _idle_page(context: Context) -> str:
    words = idle_words(context)
    return f"<p>{html.escape(words)}</p>" if words else _NO_PAGE


def _held_page(current: CycleState) -> str:
    owner = html.escape(current.owner)
    return f"<p>Skipped: run {owner} holds cycle {current.cycle}.</p>"


def _close(context: Context, fence: int, report: CycleReport, feedback: FeedbackResult) -> None:
    """Write the report, and commit the end of the cycle."""
    storage, cycle = context.storage, context.cycle
    name = layout.cycle_report(cycle)
    storage.write(name, report.model_dump_json(indent=1).encode())
    trained = report.outcome == "done"
    summary = CycleSummary(
        labeled=report.labeled,
        unlabeled=report.unlabeled,
        queried=report.queried,
        labeled_regions=report.regions.labeled if report.regions else None,
        queried_regions=report.regions.queried if report.regions else None,
        labeled_area=labeled_images(context.ledger.state()) if report.regions else None,
        seconds=report.seconds,
        promoted=report.promoted,
        miou=report.val.miou if report.val else None,
        pixel_accuracy=report.val.pixel_accuracy if report.val else None,
        dice=report.val.dice if report.val else None,
        version=feedback.version if trained else None,
        records=feedback.records if trained else None,
    )
    storage.write(layout.MLFLOW_IS_BEHIND, b"")
    storage.write(layout.NOT_TOLD, str(fence).encode())
    close_cycle(context.ledger, cycle, fence, report.outcome, name, summary.model_dump())


def read_results(context: Context) -> Results:
    """Return the results of the steps that are done, as their markers say.

    The status that KFP gives an exit task does not say it: the cluster reports COMPLETE where the
    local runner reports SUCCEEDED, and stays at RUNNING when both conditions were false.
    """
    outputs: dict[str, object] = {}
    seconds: dict[str, float] = {}
    for step in _STEPS:
        marker = read_marker(context.storage, context.cycle, step)
        if marker is None:
            continue
        try:
            Results.model_validate({step: marker.outputs})
        except ValidationError:  # of another version: that step is not done
            continue
        outputs[step], seconds[step] = marker.outputs, marker.seconds
    shards = range(1, context.recipe.cluster.shards + 1)
    tasks = (read_marker(context.storage, context.cycle, layout.look_task(n)) for n in shards)
    if looks := [marker.seconds for marker in tasks if marker]:
        seconds["look"] = max(looks)  # they run at the same time
    return Results.model_validate({**outputs, "seconds": seconds})


def build_report(context: Context, feedback: FeedbackResult, results: Results) -> CycleReport:
    """Put a cycle's numbers together."""
    split, train, evaluation, query = results.split, results.train, results.evaluate, results.query
    asked = query.asked if query else 0
    outcome: Outcome = "done" if evaluation else "nothing_to_do"
    # Only if somebody is asked: a query that found nothing to ask for leaves nothing to wait for.
    if not evaluation and (asked or feedback.waiting):
        outcome = "waiting"
    champion = context.ledger.state().champion
    labeled = split.labeled if split else feedback.labeled
    regions = _regions(context, results)
    labels = labeled if regions is None else regions.labeled
    return CycleReport(
        cycle=context.cycle,
        outcome=outcome,
        labeled=labeled,
        unlabeled=split.unlabeled if split else None,
        new_labels=feedback.new_labels,
        feedback=_labels_report(context),
        queried=asked,
        regions=regions,
        seconds=round(sum(results.seconds.values()), 1),
        seconds_by_step=results.seconds,
        waiting_for_data=train.waiting_for_data if train else None,
        records=feedback.records,
        model=train.model if train else None,
        promoted=evaluation.promoted if evaluation else None,
        reasons=evaluation.reasons if evaluation else [],
        champion=champion.model if champion else None,
        dev=evaluation.dev if evaluation else None,
        val=evaluation.val if evaluation else None,
        baseline=evaluation.baseline if evaluation else None,
        drift=query.drift if query else None,
        stability=compare_with_before(context) if evaluation else None,
        forecast=_forecast(context, labels, evaluation.val.miou if evaluation else None),
    )


def _regions(context: Context, results: Results) -> RegionCounts | None:
    """Count regions; None if the recipe asks for whole images."""
    settings, state, split = context.recipe.query, context.ledger.state(), results.split
    if settings.grid is None:
        return None
    # Images of which only regions are labeled are in both parts of the split.
    pool = None if split is None else split.labeled + split.unlabeled - len(state.partial)
    return RegionCounts(
        labeled=labeled_units(state, settings),
        share=min(1.0, labeled_images(state) / pool) if pool else None,
        queried=(results.query.regions if results.query else None) or 0,
    )


def _forecast(context: Context, labels: int, miou: float | None) -> Forecast | None:
    if miou is None:
        return None
    points = [*context.ledger.state().learning_curve, (labels, miou)]
    return forecast_of(points, context.recipe.cycle.target_miou)


def _labels_report(context: Context) -> LabelsReport | None:
    name = layout.labels_report(context.cycle)
    if not context.storage.exists(name):
        return None
    return LabelsReport.model_validate_json(context.storage.read(name))

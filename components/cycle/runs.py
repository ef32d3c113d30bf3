"""The MLflow runs of a campaign and its cycles: created at the opening, repaired at the next one."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence

from components.contracts.ledger import layout
from components.contracts.ledger.state import CycleState
from components.contracts.step.context import Context
from components.contracts.step.report import CycleReport, report_of
from components.contracts.tracking.client import LOST, Points, Tracker, milliseconds
from components.contracts.tracking.evaluation import (
    Evaluated,
    score_metrics,
    send_evaluation,
)
from components.contracts.tracking.registry import CHALLENGER, CHAMPION, set_alias, show_champion
from components.contracts.tracking.source import source_tags
from components.contracts.tracking.training import read_points
from components.contracts.tracking.view import CAMPAIGNS, save_view
from components.cycle.campaign_run import mirror_campaign

log = logging.getLogger("streetloop")


def ensure_runs(context: Context, tracker: Tracker, cycle: int, owner: str) -> None:
    """Create or restore the parent run and the cycle's nested run; write new ids into the ledger."""
    state = context.ledger.state()
    opened = state.cycles[cycle]
    known_parent = tracker.recover_run(state.campaign_run_id)
    known_run = tracker.recover_run(opened.run_id)
    if known_parent and not opened.closed:
        tracker.resume_run(state.campaign_run_id)
    if (known_parent and known_run) or tracker.down:
        return
    identity = context.ledger.events()[0].event_id  # of this campaign, and of no other by its name
    parent = (state.campaign_run_id if known_parent else None) or tracker.ensure_run(
        identity, title(context), _tags(context, owner), None, milliseconds(state.created_at)
    )
    run = parent and tracker.ensure_run(
        f"{identity}/{cycle}",
        f"{state.name} cycle {cycle}",
        _tags(context, owner) | {"cycle": str(cycle)},
        parent,
        milliseconds(opened.opened_at),
    )
    if not run:
        return
    again = opened.run_id is not None  # in a store that lost the runs, or in another one
    if again:
        log.warning(
            "MLflow at %s does not know the run of cycle %d: it is created again.",
            tracker.address,
            cycle,
        )
    context.ledger.commit(
        "tracking",
        f"tracking/{cycle}/{state.version}" if again else f"tracking/{cycle}",
        {"campaign_run_id": parent, "cycle": cycle, "cycle_run_id": run},
    )
    for run_id in (parent, run):
        tracker.log_parameters(run_id, context.recipe.values())
    tracker.set_tags(parent, source_tags())  # of the newest cycle
    save_view(tracker, CAMPAIGNS)
    # Also an early proof that files can be stored, before hours of training end in a figure.
    tracker.log_files(run, {"recipe.json": context.recipe.model_dump_json(indent=1).encode()})


def catch_up(context: Context) -> bool:
    """Send what the last closing could not send; without a backlog, do not contact MLflow.

    Returns:
      whether MLflow now has everything.
    """
    if not context.storage.exists(layout.MLFLOW_IS_BEHIND):
        return True
    tracker = context.tracker()
    send_missing(context, tracker)
    return not tracker.down


def send_missing(context: Context, tracker: Tracker) -> None:
    """Send what MLflow lacks of the closed cycles, and repair the aliases."""
    state = context.ledger.state()
    tracker.recover_run(state.campaign_run_id)
    for closed in state.cycles.values():
        if not closed.closed or tracker.down:
            continue
        run_id = closed.run_id
        status = tracker.status(run_id)
        if status in (None, LOST):
            ensure_runs(context, tracker, closed.cycle, closed.owner)
            run_id = context.ledger.state().cycles[closed.cycle].run_id
            status = tracker.status(run_id)
        if status != "FINISHED":
            tracker.recover_run(run_id)
            mirror_cycle(context, tracker, closed, run_id)
    end_backlog(context, tracker)


def end_backlog(context: Context, tracker: Tracker) -> None:
    """Repair the aliases, and note that MLflow has everything, if it has answered until here."""
    repair_aliases(context, tracker)
    if not tracker.down:
        context.storage.delete(layout.MLFLOW_IS_BEHIND)


def repair_aliases(context: Context, tracker: Tracker) -> None:
    """Point MLflow's aliases where the ledger says: the champion, and the newest model."""
    state = context.ledger.state()
    if state.campaign_run_id is None:
        return
    name = context.recipe.name
    if state.champion:
        champion = state.champion
        set_alias(tracker, name, CHAMPION, champion.model)
        show_champion(tracker, state.campaign_run_id, name, champion.model, champion.cycle)
    if state.trained:
        newest = report_of(context.storage, state.trained[-1])
        if newest and newest.model:
            set_alias(tracker, name, CHALLENGER, newest.model)


def mirror_cycle(
    context: Context, tracker: Tracker, closed: CycleState, run_id: str | None
) -> None:
    """Send what MLflow may lack of a closed cycle, and end its run.

    Points that MLflow already has stay one point; figures, images and the model are sent if they
    are not there.
    """
    at = milliseconds(closed.opened_at)
    parent = context.ledger.state().campaign_run_id
    report = report_of(context.storage, closed)
    if report is not None:
        metrics = report_metrics(report)
        losses = read_points(context.storage, layout.training_log(closed.cycle), at)
        tracker.log_series(run_id, [*losses, Points(metrics, closed.cycle, at)])
        if report.model and report.evaluation:
            sent = Evaluated(
                closed.cycle,
                layout.cycle_folder(closed.cycle),
                report.model,
                layout.generator_file(report.model),
                report.evaluation,
            )
            try:
                send_evaluation(tracker, run_id, context.storage, context.recipe, sent, at)
            except FileNotFoundError as error:
                # An old model that somebody deleted stops no new cycle.
                log.warning("MLflow does not get all of cycle %d: %s is gone.", closed.cycle, error)
        mirror_campaign(context, tracker, closed, report, metrics)
    for page in (layout.labels_page(closed.cycle), layout.query_page(closed.cycle)):
        if context.storage.exists(page):
            tracker.log_files(run_id, {page.rpartition("/")[2]: context.storage.read(page)})
    assert closed.closed_at is not None
    ended = milliseconds(closed.closed_at)
    tracker.end_run(run_id, "FINISHED", ended)
    # Until the next cycle opens, the campaign rests.
    tracker.end_run(parent, "FINISHED", ended)


def report_metrics(report: CycleReport) -> dict[str, float | None]:
    """Return the numbers of a cycle's report as MLflow metrics."""
    counts = ("labeled", "unlabeled", "seconds", "waiting_for_data")
    values = {name: getattr(report, name) for name in counts}
    out: dict[str, float | None] = {k: float(v) for k, v in values.items() if v is not None}
    out |= {f"seconds/{step}": seconds for step, seconds in report.seconds_by_step.items()}
    if report.regions is not None:
        out |= {"labeled_regions": report.regions.labeled, "labeled_share": report.regions.share}
    if report.drift is not None:
        names = ("embedding", "chance", "classes", "confidence")
        out |= {f"drift/{name}": getattr(report.drift, name) for name in names}
    scores = report.feedback.probes if report.feedback else ()
    for who, score in zip(_metric_names([s.annotator for s in scores]), scores, strict=True):
        names = ("images", "labeled", "miou", "pixel_accuracy")
        out |= {f"probes/{who}/{name}": getattr(score, name) for name in names}
    for part in (report.forecast, report.stability):
        out |= part.metrics() if part else {}
    return out | (score_metrics(report.evaluation) if report.evaluation else {})


def _metric_names(annotators: Sequence[str]) -> list[str]:
    """Return names that MLflow allows in a metric, one for each annotator, all different."""
    names = [re.sub(r"[^\w\-. ]", "_", name) for name in annotators]
    return [
        f"{name}-{hashlib.sha256(whole.encode()).hexdigest()[:6]}"
        if names.count(name) > 1
        else name
        for name, whole in zip(names, annotators, strict=True)
    ]


def title(context: Context) -> str:
    """Return a campaign's name in lists of runs: what distinguishes it within its recipe."""
    recipe = context.recipe
    return f"{recipe.name} ({recipe.query.strategy}, seed {recipe.seed})"


def _tags(context: Context, owner: str) -> dict[str, str]:
    return {
        "streetloop.recipe": context.recipe.name,
        "streetloop.strategy": context.recipe.query.strategy,
        "streetloop.seed": str(context.recipe.seed),
        "streetloop.root": context.root,
        "kfp.run_id": owner,
        **source_tags(),
    }

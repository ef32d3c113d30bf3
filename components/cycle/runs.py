"""The MLflow runs of a campaign and its cycles: made at the opening, mended at the next one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from components.contracts.ledger.state import CycleState
from components.contracts.recipe.tracking import TrackingSettings, store_uri
from components.contracts.step.context import Context
from components.contracts.tracking.client import Points, Tracker, milliseconds
from components.contracts.tracking.evaluation import HEADLINES, score_metrics, send_evaluation
from components.contracts.tracking.registry import CHALLENGER, CHAMPION, set_alias
from components.contracts.tracking.training import read_points

BEHIND = "cycles/mlflow_is_behind"  # a file that is there until a closed cycle has reached MLflow


def tracker_of(context: Context) -> Tracker:
    """The campaign's MLflow."""
    settings = context.settings("tracking", TrackingSettings)
    return Tracker(store_uri(settings, context.root), settings.experiment)


def ensure_runs(context: Context, tracker: Tracker, cycle: int, owner: str) -> None:
    """Makes the parent run and the cycle's nested run, and writes their ids into the ledger."""
    state = context.ledger.state()
    opened = state.cycles[cycle]
    if not opened.closed:
        tracker.resume_run(state.campaign_run_id)
    if opened.run_id is not None:
        return
    identity = context.ledger.events()[0].event_id  # of this campaign, and of no other by its name
    parent = state.campaign_run_id or tracker.ensure_run(
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
    context.ledger.commit(
        "tracking",
        f"tracking/{cycle}",
        {"campaign_run_id": parent, "cycle": cycle, "cycle_run_id": run},
    )
    for run_id in (parent, run):
        tracker.log_parameters(run_id, context.recipe)


def catch_up(context: Context) -> bool:
    """Sends what the last closing could not send; reaches for nothing if all has arrived.

    Returns:
      whether MLflow now has everything.
    """
    if not context.storage.exists(BEHIND):
        return True
    tracker = tracker_of(context)
    send_missing(context, tracker)
    return not tracker.down


def send_missing(context: Context, tracker: Tracker) -> None:
    """Sends what MLflow lacks of the closed cycles, and repairs the aliases."""
    state = context.ledger.state()
    for closed in state.cycles.values():
        if not closed.closed or tracker.down:
            continue
        run_id = closed.run_id
        if run_id is None:
            ensure_runs(context, tracker, closed.cycle, closed.owner)
            run_id = context.ledger.state().cycles[closed.cycle].run_id
        if not tracker.finished(run_id):
            mirror_cycle(context, tracker, closed, run_id)
    repair_aliases(context, tracker)
    if not tracker.down:
        context.storage.delete(BEHIND)


def repair_aliases(context: Context, tracker: Tracker) -> None:
    """Points MLflow's aliases where the ledger says: the champion, and the newest model."""
    state = context.ledger.state()
    if state.campaign_run_id is None:
        return
    name = context.recipe["name"]
    if state.champion:
        set_alias(tracker, name, CHAMPION, state.champion.model)
    trained = [c.report for c in state.cycles.values() if c.outcome == "done" and c.report]
    if trained:
        newest = json.loads(context.storage.read(trained[-1])).get("model")
        set_alias(tracker, name, CHALLENGER, newest)


def mirror_cycle(
    context: Context, tracker: Tracker, closed: CycleState, run_id: str | None
) -> None:
    """Sends what MLflow may lack of a closed cycle, and ends its run.

    Equal points that MLflow has already stay one point; figures, images and the model are sent if
    they are not there.
    """
    at = milliseconds(closed.opened_at)
    if closed.report is not None:
        report = json.loads(context.storage.read(closed.report))
        metrics = report_metrics(report)
        losses = read_points(context.storage, closed.cycle, at)
        tracker.log_series(run_id, [*losses, Points(metrics, closed.cycle, at)])
        if report.get("model"):
            send_evaluation(
                tracker, run_id, context.storage, context.recipe, closed.cycle, report, at
            )
        parent = context.ledger.state().campaign_run_id
        tracker.log_metrics(parent, metrics, closed.cycle, at)
        curve = {f"curve/{k}": (report.get("val") or {}).get(k) for k in HEADLINES}
        tracker.log_metrics(parent, curve, report["labeled"], at)
    page = f"cycles/{closed.cycle}/feedback.html"
    if context.storage.exists(page):
        tracker.log_files(run_id, {"feedback.html": context.storage.read(page)})
    assert closed.closed_at is not None
    ended = milliseconds(closed.closed_at)
    tracker.end_run(run_id, "FINISHED", ended)
    # Until the next cycle opens, the campaign rests.
    tracker.end_run(context.ledger.state().campaign_run_id, "FINISHED", ended)


def report_metrics(report: dict[str, Any]) -> dict[str, float | None]:
    """The numbers of a cycle's report as MLflow metrics."""
    counts = ("labeled", "unlabeled", "seconds", "waiting_for_data")
    out = {k: float(report[k]) for k in counts if report.get(k) is not None}
    seconds = {f"seconds/{step}": v for step, v in report.get("seconds_by_step", {}).items()}
    return out | seconds | score_metrics(report)


def title(context: Context) -> str:
    """A campaign's name in lists of runs: what tells it from others of the same recipe."""
    recipe = context.recipe
    return f"{recipe['name']} ({recipe['query']['strategy']}, seed {context.seed})"


def _tags(context: Context, owner: str) -> dict[str, str]:
    return {
        "streetloop.recipe": context.recipe["name"],
        "streetloop.strategy": context.recipe["query"]["strategy"],
        "streetloop.seed": str(context.seed),
        "streetloop.root": context.root,
        "kfp.run_id": owner,
        "git.sha": git_sha(),
    }


def git_sha() -> str:
    """The commit that runs: from $STREETLOOP_GIT_SHA (baked into images), else from git."""
    sha = os.environ.get("STREETLOOP_GIT_SHA")
    if sha:
        return sha
    try:
        command = ["git", "rev-parse", "HEAD"]
        here = Path(__file__).parent
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
        return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"

"""Closes a cycle: its report, the event, and the end of its MLflow run."""

from __future__ import annotations

import json
import logging
from typing import Any, Literal

from components.contracts.ledger.lease import close_cycle, release
from components.contracts.step.context import Context, begin
from components.contracts.step.plan import ASK, NOTHING, TRAIN
from components.cycle.runs import BEHIND, mirror_cycle, tracker_of

log = logging.getLogger("streetloop")
_STEPS = ("feedback", "split", "train", "evaluate", "query")
Outcome = Literal["done", "nothing_to_do", "waiting"]


_NO_PAGE = "<p>This run has taken no labels in.</p>"


def run(recipe: str, root: str, owner: str, why: str = "") -> str:
    """Closes the owner's cycle, or gives the lease back if a step failed.

    Args:
      recipe: the resolved recipe, JSON.
      root: the campaign root's URI.
      owner: the pipeline run's id, as the cycle was opened with.
      why: what failed, for the ledger.

    Returns:
      the page on the labels that came in, HTML: what the feedback step wrote, if it came that far.
    """
    begin("cycle")
    context = Context(recipe, root)
    state = context.ledger.state()
    current = state.open_cycle
    if current is None or current.owner != owner:
        log.info("no cycle of run %s is open: nothing to close", owner)
        return _NO_PAGE
    context = Context(recipe, root, current.cycle, current.fence)
    outputs, seconds = _recorded(context)
    feedback = outputs.get("feedback", {})
    page = context.storage.read(feedback["report"]).decode() if feedback else _NO_PAGE
    if not _finished(outputs):
        release(context.ledger, owner, current.cycle, current.fence, why or "a step failed")
        log.warning("cycle %d stays open; the next run goes on with it", current.cycle)
        return page
    outcome: Outcome = "done" if "evaluate" in outputs else "nothing_to_do"
    if outcome != "done" and (outputs.get("query") or feedback.get("waiting")):
        outcome = "waiting"
    report = build_report(context, current.cycle, outcome, outputs, seconds)
    name = f"cycles/{current.cycle}/report.json"
    context.storage.write(name, json.dumps(report, indent=1).encode())
    summary = {
        k: report.get(k) for k in ("labeled", "unlabeled", "queried", "seconds", "promoted")
    } | {k: (report.get("val") or {}).get(k) for k in ("miou", "pixel_accuracy", "dice")}
    if outcome == "done":
        summary |= {"version": feedback["version"], "records": feedback["records"]}
    context.storage.write(BEHIND, b"")
    close_cycle(context.ledger, current.cycle, current.fence, outcome, name, summary)
    tracker = tracker_of(context)
    closed = context.ledger.state().cycles[current.cycle]
    mirror_cycle(context, tracker, closed, closed.run_id)
    if not tracker.down:
        context.storage.delete(BEHIND)
    return page


def _finished(outputs: dict[str, dict[str, Any]]) -> bool:
    """Whether every step of the cycle has done its work, as the done markers say.

    The status that KFP gives an exit task does not tell: the cluster says COMPLETE where the local
    runner says SUCCEEDED, and stays at RUNNING when both conditions were false.
    """
    plan = outputs.get("feedback", {}).get("plan")
    needed: dict[int, set[str]] = {
        NOTHING: set(),
        ASK: {"query"},
        TRAIN: {"split", "train", "evaluate", "query"},
    }
    return plan in needed and needed[plan] <= outputs.keys()


def build_report(
    context: Context,
    cycle: int,
    outcome: str,
    outputs: dict[str, dict[str, Any]],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """A cycle's numbers: `report.json`. Fractions, not percent; null where undefined."""
    feedback, split = outputs.get("feedback", {}), outputs.get("split", {})
    evaluate, query = outputs.get("evaluate", {}), outputs.get("query", {})
    champion = context.ledger.state().champion
    return {
        "cycle": cycle,
        "outcome": outcome,
        "labeled": split.get("labeled", feedback.get("labeled", 0)),
        "unlabeled": split.get("unlabeled"),
        "new_labels": feedback.get("new_labels", 0),
        "feedback": _feedback(context),
        "queried": query.get("asked", 0),
        "seconds": round(sum(seconds.values()), 1),
        "seconds_by_step": seconds,
        "waiting_for_data": outputs.get("train", {}).get("waiting_for_data"),
        "records": feedback.get("records"),
        "model": outputs.get("train", {}).get("model"),
        "promoted": evaluate.get("promoted"),
        "reasons": evaluate.get("reasons", []),
        "champion": champion.model if champion else None,
        "dev": evaluate.get("dev"),
        "val": evaluate.get("val"),
        "baseline": evaluate.get("baseline"),
    }


def _feedback(context: Context) -> dict[str, Any] | None:
    """What came in, as the feedback step wrote it down; None if it took nothing in."""
    name = context.work("feedback.json")
    return json.loads(context.storage.read(name)) if context.storage.exists(name) else None


def _recorded(context: Context) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    """What this cycle's steps returned, and how long each took, from their done markers."""
    outputs, seconds = {}, {}
    for step in _STEPS:
        name = context.work(f"{step}.done.json")
        if context.storage.exists(name):
            marker = json.loads(context.storage.read(name))
            outputs[step] = marker["outputs"]
            seconds[step] = marker["seconds"]
    return outputs, seconds

"""Feedback, as a step of a cycle: takes in the labels that arrived, and says what the cycle can do."""

from __future__ import annotations

import json
from typing import Any

from components.contracts.data.raw import locate
from components.contracts.data.records import Records
from components.contracts.ledger.state import State
from components.contracts.process.progress import Progress
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.step.context import Context, begin
from components.contracts.step.plan import ASK, NOTHING, TRAIN
from components.feedback.inbox import ingest_inbox
from components.feedback.oracle import answer
from components.feedback.page import render
from components.feedback.report import build


def run(recipe: str, root: str, cycle: int, fence: int, records: str) -> dict[str, Any]:
    """Takes in the inbox, lets the oracle answer, and decides what is left to do.

    Returns:
      {"plan": NOTHING, TRAIN or ASK, "labeled", "new_labels", "waiting": images asked for and
      not answered, "version": of the ledger, "records": as given, "report": the name of the HTML page
      in the campaign root}.
    """
    begin("feedback")
    context = Context(recipe, root, cycle, fence)
    settings = context.settings("feedback", FeedbackSettings)

    def body() -> dict[str, Any]:
        index = Records(context.storage.local_dir(records))
        ingest_inbox(context.ledger, index, settings, fence)
        if settings.oracle:
            asked = sorted(_asked_before(context) & set(index.ids("train")))
            progress = Progress("feedback", "oracle's masks", len(asked))
            if asked:
                source = locate(context.data, context.seed, context.storage)
                answer(context.ledger, source, asked, fence, progress.update)
        page = write_report(context, settings)
        return decide(context.ledger.state(), settings) | {"records": records, "report": page}

    # Once a cycle: what arrives after a kill waits for the next cycle, so that a rerun of this one
    # (whose query may be out already) ends as it would have without the kill.
    inputs = {"records": records, "settings": settings.model_dump(mode="json")}
    return context.once("feedback", inputs, body)


def write_report(context: Context, settings: FeedbackSettings) -> str:
    """Stores what came in with this cycle, for people and for the cycle's report; the page's name."""
    cycle = context.cycle
    report = build(context.ledger, context.ledger.state().cycles[cycle].opened_number, settings)
    context.storage.write(context.work("feedback.json"), json.dumps(report, indent=1).encode())
    name = f"cycles/{cycle}/feedback.html"
    context.storage.write(name, render(context.recipe["name"], cycle, report).encode())
    return name


def _asked_before(context: Context) -> set[str]:
    """What the oracle may answer: the seed, and what was asked before this cycle was opened.

    After a kill, this cycle's own query may be out already; its answers belong to the next cycle.
    """
    state = context.ledger.state()
    opened = context.ledger.state_at(state.cycles[context.cycle].opened_number)
    return (set(opened.outstanding) | set(state.seed)) & set(state.outstanding)


def decide(state: State, settings: FeedbackSettings) -> dict[str, Any]:
    """What a cycle can do with the labels there are.

    - No label at all: only ask (cold start).
    - Fewer new labels than `min_new_labels`, since the last cycle that trained if there is one:
      nothing to do, except to ask if nobody has been asked for anything.
    - Otherwise: train, and ask.
    """
    trained = [c for c in state.cycles.values() if c.outcome == "done" and "version" in c.summary]
    since = max((c.summary["version"] for c in trained), default=-1)
    new = sum(1 for versions in state.labels.values() if versions[-1].number > since)
    return {
        "plan": TRAIN if new >= settings.min_new_labels else NOTHING if state.outstanding else ASK,
        "labeled": len(state.labels),
        "new_labels": new,
        "waiting": len(state.outstanding),
        "version": state.version,
    }

"""Tells people what a cycle changed: which labels it waits for, a new champion, a failure."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import NamedTuple

from components.contracts.ledger import layout
from components.contracts.ledger.events import Query, Seed
from components.contracts.notify.message import Message, shortened
from components.contracts.notify.send import send
from components.contracts.process.words import counted
from components.contracts.recipe.notify import Kind
from components.contracts.step.context import Context
from components.contracts.step.done import failure_of
from components.contracts.step.report import CycleReport

log = logging.getLogger("streetloop")


class _News(NamedTuple):
    event: Kind
    text: str


def tell_closed(context: Context, report: CycleReport) -> None:
    """Report what a closed cycle leads to. What cannot be delivered or worked out is only logged."""
    try:
        for news in _of_cycle(context, report):
            _send(context, news)
    except Exception:  # the cycle is closed, whatever happens to its news
        log.warning("Cycle %d could not be reported.", context.cycle, exc_info=True)


def tell_failed(context: Context, why: str) -> None:
    """Report that a step failed; its own error if it left one, else `why`."""
    try:
        own = failure_of(context.storage, context.cycle, context.fence)
        words = shortened(own or why or "A step failed.")
        text = f"Cycle {context.cycle} failed. {words} The next run resumes it."
        _send(context, _News("cycle_failed", text))
    except Exception:  # the lease is given back, whatever happens to the news
        log.warning("The failure of cycle %d could not be reported.", context.cycle, exc_info=True)


def tell_rollback(context: Context, model: str, why: str) -> None:
    """Report that an earlier champion is the champion again."""
    reason = shortened(why) or "No reason given."
    _send(context, _News("champion_changed", f"Model {model[:12]} is champion again. {reason}"))


def _of_cycle(context: Context, report: CycleReport) -> Iterator[_News]:
    if report.promoted and report.model:
        score = report.dev or report.val
        miou = f", mIoU {100 * score.miou:.1f} %" if score and score.miou is not None else ""
        reasons = shortened(" ".join(report.reasons))
        text = f"Model {report.model[:12]} of cycle {report.cycle} is the champion{miou}. {reasons}"
        yield _News("champion_changed", text.strip())
    if _budget_reached(context, report):
        budget = context.recipe.query.label_budget
        unit = context.recipe.query.unit
        text = (
            f"The label budget of {budget} {unit}s is used up. Raise query.label_budget to go on."
        )
        yield _News("budget_reached", text)
    if report.drift is not None and report.drift.exceeded:
        text = f"The pool differs from the labeled images: {report.drift.words}."
        yield _News("drift", text)
    outstanding = len(context.ledger.state().outstanding)
    # With an oracle, the next cycle answers by itself. And a schedule fires again before people have
    # answered: they are told once.
    if outstanding and _asked(context) and not context.recipe.feedback.oracle:
        where = f"{context.storage.uri}/{layout.query_folder(report.cycle)}"
        tasks = f" Tasks: {where}" if report.queried else ""
        yield _News(
            "waiting_for_labels", f"Waiting for labels of {counted(outstanding, 'image')}.{tasks}"
        )


def _budget_reached(context: Context, report: CycleReport) -> bool:
    """Return whether this cycle is the first one with as many labels as the budget allows."""
    budget = context.recipe.query.label_budget
    if budget is None or report.labels < budget:
        return False
    cycles = context.ledger.state().cycles.values()
    before = [c.summary.labels or 0 for c in cycles if c.cycle < report.cycle]
    return max(before, default=0) < budget


def _asked(context: Context) -> bool:
    """Return whether this cycle asked for labels: by a query, or for the seed."""
    payloads = (e.payload for e in context.ledger.events()[context.opened.opened_number :])
    return any(
        (isinstance(p, Query) and p.items) or (isinstance(p, Seed) and p.image_ids)
        for p in payloads
    )


def _send(context: Context, news: _News) -> None:
    message = Message(
        event=news.event,
        campaign=context.recipe.name,
        root=context.storage.uri,
        cycle=context.cycle or None,
        text=f"{context.recipe.name}: {news.text}",
    )
    send(context.recipe.notify, message)

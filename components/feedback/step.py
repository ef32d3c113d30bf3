"""Feedback, as a step of a cycle: ingests the labels that arrived, and decides what the cycle does."""

from __future__ import annotations

from components.contracts.data.records import POOL
from components.contracts.ledger import layout
from components.contracts.ledger.lease import NO_CYCLE
from components.contracts.ledger.state import State
from components.contracts.process.progress import Progress, tell
from components.contracts.regions.tiles import Tiles
from components.contracts.step.context import Context, begin
from components.contracts.step.plan import Plan, decide
from components.contracts.step.results import FeedbackResult
from components.feedback.existing import ingest_existing
from components.feedback.inbox import ingest_inbox
from components.feedback.oracle import answer
from components.feedback.page import labels_page
from components.feedback.probes import score_probes
from components.feedback.report import build, files_since
from components.feedback.words import rejected_words


def run(recipe: str, root: str, cycle: int, fence: int, records: str) -> FeedbackResult:
    """Ingest the inbox, let the oracle answer, and decide what the cycle does next."""
    begin("feedback")
    context = Context(recipe, root, cycle, fence)
    if cycle == NO_CYCLE.cycle:  # the campaign is complete
        return _result(context.ledger.state(), Plan.NOTHING, records, "")
    context.keep_log("feedback")
    settings = context.recipe.feedback
    # Once per cycle: what arrives after a kill waits for the next cycle, so that a rerun of this one
    # (whose query may be out already) ends as it would have without the kill. Split deletes this marker
    # if the cycle cannot end without another label.
    inputs = {"records": records, "settings": settings.model_dump(mode="json")}
    return context.once("feedback", inputs, FeedbackResult, lambda: _ingest(context, records))


def _ingest(context: Context, records: str) -> FeedbackResult:
    settings, index = context.recipe.feedback, context.records(records)
    ingest_inbox(context.ledger, index, settings, context.fence)
    if settings.existing:
        progress = Progress("feedback", "masks of the data set", len(index.ids(POOL)))
        source = context.source()
        ingest_existing(context.ledger, source, index, settings, context.fence, progress.update)
    if settings.oracle:
        asked = _asked_before(context)
        progress = Progress("feedback", "oracle's masks", len(asked))
        if asked:
            answer(context.ledger, context.source(), index, asked, context.fence, progress.update)
    for sentence in rejected_words(files_since(context.ledger, context.opened.opened_number)):
        tell("feedback", sentence)
    page = write_report(context)
    state = context.ledger.state()
    return _result(state, decide(state, settings), records, page)


def _result(state: State, plan: Plan, records: str, page: str) -> FeedbackResult:
    return FeedbackResult(
        plan=plan,
        labeled=len(state.labels),
        new_labels=len(state.new_labels),
        waiting=len(state.outstanding),
        version=state.version,
        records=records,
        report=page,
    )


def write_report(context: Context) -> str:
    """Store what arrived with this cycle, for people and for the cycle's report.

    Returns:
      the page's name in the campaign root.
    """
    cycle = context.cycle
    probes = score_probes(context.ledger, context.source)
    report = build(context.ledger, context.opened.opened_number, context.recipe.feedback, probes)
    name = layout.labels_page(cycle)
    context.storage.write(layout.labels_report(cycle), report.model_dump_json(indent=1).encode())
    context.storage.write(name, labels_page(context.recipe.name, cycle, report).encode())
    return name


def _asked_before(context: Context) -> dict[str, Tiles | None]:
    """Return what the oracle may answer: the seed, and what was asked before this cycle was opened.

    After a kill, this cycle's own query may be out already; its answers belong to the next cycle.
    """
    state = context.ledger.state()
    opened = context.ledger.state_at(context.opened.opened_number)
    return {
        image_id: item.tiles
        for image_id, item in sorted(state.outstanding.items())
        if opened.outstanding.get(image_id) == item or image_id in state.seed
    }

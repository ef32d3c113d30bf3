"""What the run of a whole campaign shows in MLflow, so that campaigns can be compared there."""

from __future__ import annotations

from components.contracts.ledger.state import CycleState, State
from components.contracts.recipe.query import QuerySettings
from components.contracts.regions.tiles import grid
from components.contracts.scores.report import HEADLINES
from components.contracts.step.context import Context
from components.contracts.step.report import CycleReport
from components.contracts.tracking.client import Tracker, milliseconds
from components.contracts.tracking.data import log_campaign_data
from components.contracts.tracking.registry import show_champion


def mirror_campaign(
    context: Context,
    tracker: Tracker,
    closed: CycleState,
    report: CycleReport,
    metrics: dict[str, float | None],
) -> None:
    """Send a closed cycle's share of the campaign's run: scores, curves, data set and champion."""
    state = context.ledger.state()
    run_id, at = state.campaign_run_id, milliseconds(closed.opened_at)
    tracker.log_metrics(run_id, metrics, closed.cycle, at)
    # The step of a curve is the number of labels: that is how campaigns are compared.
    curve: dict[str, float | None] = {
        "curve/labels_asked": labels_asked(state, closed.cycle, context.recipe.query)
    }
    if report.val:
        curve |= {f"curve/{name}": getattr(report.val, name) for name in HEADLINES}
    tracker.log_metrics(run_id, curve, report.labels, at)
    if report.records:
        log_campaign_data(tracker, run_id, context.recipe.data, report.records)
    if state.champion:
        name, champion = context.recipe.name, state.champion
        show_champion(tracker, run_id, name, champion.model, champion.cycle)


def labels_asked(state: State, cycle: int, settings: QuerySettings) -> int:
    """Return how many labels the seed and the queries had requested when a cycle ended.

    A seed image counts as all of its regions, where these are asked for.
    """
    each = 1 if settings.grid is None else grid(*settings.grid).size
    queried = (c.summary.asked for number, c in state.cycles.items() if number <= cycle)
    return each * len(state.seed) + sum(queried)

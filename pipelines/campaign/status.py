"""Where a campaign stands, read from its ledger and reports alone."""

from __future__ import annotations

import json
from typing import Any

from components.contracts.ledger.inbox import INBOX, arrived
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import CycleState, State
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from pipelines.local.runner import is_complete

_SCORES = ("miou", "pixel_accuracy", "dice")


def status(recipe: Recipe, storage: Storage) -> dict[str, Any]:
    """The state of a campaign: fractions, not percent; null where undefined.

    Returns:
      {"name", "root", "complete", "cycles": [{"cycle", "outcome", "labeled", "unlabeled",
      "queried", "miou", "pixel_accuracy", "dice", "promoted", "seconds"}], "baseline",
      "champion", "labeled", "waiting": {"images", "where", "folders", "inbox", "new_labels",
      "min_new_labels"}}: what people are asked for, the newest folder of tasks and all of them, files
      in the inbox, new labeled images that no model has seen yet, and how many a cycle needs.
    """
    from components.feedback.step import decide

    ledger = Ledger(storage)
    state = ledger.state()
    folders = _folders(ledger, state)
    champion = state.champion
    return {
        "name": recipe.name,
        "root": storage.uri,
        "complete": is_complete(state, recipe),
        "labeled": len(state.labels),
        "cycles": [_row(state, cycle) for _, cycle in sorted(state.cycles.items())],
        "baseline": _baseline(state, storage),
        "champion": champion and {"model": champion.model, "cycle": champion.cycle},
        "waiting": {
            "images": sorted(state.outstanding),
            "where": folders[-1] if folders else None,
            "folders": folders,
            "inbox": len(arrived(storage.list(INBOX))),
            "new_labels": decide(state, recipe.feedback)["new_labels"],
            "min_new_labels": recipe.feedback.min_new_labels,
        },
    }


def _row(state: State, cycle: CycleState) -> dict[str, Any]:
    summary = cycle.summary
    return {
        "cycle": cycle.cycle,
        "outcome": cycle.outcome or "open",
        "labeled": summary.get("labeled", len(state.labels)),
        "unlabeled": summary.get("unlabeled"),
        "queried": summary.get("queried"),
        **{name: summary.get(name) for name in _SCORES},
        "promoted": summary.get("promoted"),
        "seconds": summary.get("seconds"),
    }


def _baseline(state: State, storage: Storage) -> dict[str, Any] | None:
    for cycle in reversed(state.cycles.values()):
        if cycle.outcome == "done" and cycle.report:
            return json.loads(storage.read(cycle.report))["baseline"]
    return None


def _folders(ledger: Ledger, state: State) -> list[str]:
    """The folders of annotation tasks that are not all answered, the newest last."""
    if not state.outstanding:
        return []
    cycles = {
        item.image_id: event.payload.cycle
        for event in ledger.events()
        if event.kind == "query"
        for item in event.payload.items
    }
    return [f"queries/{n}" for n in sorted({cycles[i] for i in state.outstanding if i in cycles})]

"""From events to the campaign's state: a pure fold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from components.contracts.ledger.events import (
    CampaignCreated,
    CycleClosed,
    CycleOpened,
    Event,
    LabelsAccepted,
    LeaseReleased,
    LedgerError,
    Promotion,
    Query,
    QueryItem,
    RecipeChanged,
    Rollback,
    Seed,
    TaskSkipped,
    Tracking,
)
from components.contracts.ledger.state import (
    Champion,
    CycleState,
    CycleSummary,
    LabelVersion,
    State,
)
from components.contracts.recipe.base import value_at
from components.contracts.regions.tiles import Tiles, merged


def fold(events: Iterable[Event], start: State | None = None) -> State:
    """Return the state after these events, from `start` (not changed) or from nothing."""
    state = State() if start is None else start.copy()
    for event in events:
        _advance(state, event)
    return state


def _advance(state: State, event: Event) -> None:
    if event.number != state.version + 1:
        raise LedgerError(f"Expected event {state.version + 1}, got {event.number}.")
    payload = event.payload
    match payload:
        case CampaignCreated():
            state.name, state.recipe = payload.name, payload.recipe
            state.protected, state.created_at = payload.protected, event.at
        case Seed():
            state.seed = tuple(sorted({*state.seed, *payload.image_ids}))
            for image_id in payload.image_ids:
                if image_id not in state.labels:
                    state.outstanding[image_id] = QueryItem(
                        image_id=image_id, score=None, reason="seed", cost=1.0
                    )
        case Query():
            for item in payload.items:
                state.outstanding[item.image_id] = item
                state.asked[item.image_id] = payload.cycle
                state.skipped.pop(item.image_id, None)
            for image_id in payload.probes:
                state.probes.setdefault(image_id, ())
        case LabelsAccepted():
            for label in payload.labels:
                version = LabelVersion(
                    label.image_id,
                    label.sha256,
                    label.annotator,
                    label.agreement,
                    event.number,
                    # A clock that was ahead must not win over everything that arrives later.
                    min(label.created_at, event.at) if label.created_at else event.at,
                    label.tiles,
                )
                kept = state.probes if label.image_id in state.probes else state.labels
                before = kept.get(label.image_id, ())
                if not before or not _same(before[-1], version):
                    kept[label.image_id] = (*before, version)
                request = state.outstanding.pop(label.image_id, None)
                if request is not None and label.tiles is not None:
                    _keep_unanswered(state, request, label.tiles)
                state.skipped.pop(label.image_id, None)
        case TaskSkipped():
            request = state.outstanding.pop(payload.image_id, None)
            if request is None or request.tiles is None:
                state.skipped[payload.image_id] = payload
            else:
                passed = state.passed.get(payload.image_id, ())
                state.passed[payload.image_id] = merged((*passed, request.tiles))
        case Promotion():
            state.champions.append(
                Champion(payload.model, payload.cycle, payload.metrics, event.number)
            )
        case Rollback():
            earlier = [c for c in state.champions if c.model == payload.model]
            state.champions.append(replace(earlier[-1], number=event.number))
        case RecipeChanged():
            state.recipe = payload.recipe
            state.recipe_changes += 1
            # Equal to what they were, unless nothing depended on them yet.
            state.name = value_at(payload.recipe, "name", state.name)
            state.protected = {
                key: value_at(payload.recipe, key, value) for key, value in state.protected.items()
            }
        case CycleOpened() | CycleClosed() | LeaseReleased() | Tracking():
            _advance_cycle(state, event)
    state.keys.setdefault(event.key, event.number)
    state.version = event.number


def _same(one: LabelVersion, other: LabelVersion) -> bool:
    """Return whether an annotator has handed in the same label again."""
    return (one.sha256, one.annotator, one.tiles) == (other.sha256, other.annotator, other.tiles)


def _keep_unanswered(state: State, request: QueryItem, answered: Tiles) -> None:
    """Put back what a label of some regions leaves of a request."""
    if request.tiles is None:  # a region does not answer for the whole image
        state.outstanding[request.image_id] = request
    elif (left := request.tiles.without(answered)).numbers:
        state.outstanding[request.image_id] = replace(request, tiles=left)


def _advance_cycle(state: State, event: Event) -> None:
    payload = event.payload
    match payload:
        case CycleOpened():
            before = state.cycles.get(payload.cycle)
            state.cycles[payload.cycle] = CycleState(
                cycle=payload.cycle,
                owner=payload.owner,
                fence=payload.fence,
                expires_at=payload.expires_at,
                opened_at=before.opened_at if before else event.at,
                opened_number=before.opened_number if before else event.number,
                run_id=before.run_id if before else None,
            )
        case CycleClosed():
            state.cycles[payload.cycle] = replace(
                state.cycles[payload.cycle],
                closed_at=event.at,
                outcome=payload.outcome,
                report=payload.report,
                summary=CycleSummary.model_validate(payload.summary),
            )
        case LeaseReleased():
            state.cycles[payload.cycle] = replace(
                state.cycles[payload.cycle], released=True, why=payload.why
            )
        case Tracking():
            state.campaign_run_id = payload.campaign_run_id or state.campaign_run_id
            if payload.cycle is not None:
                cycle = state.cycles[payload.cycle]
                state.cycles[payload.cycle] = replace(
                    cycle, run_id=payload.cycle_run_id or cycle.run_id
                )

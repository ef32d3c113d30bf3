"""The campaign's state: a pure fold of the ledger's events."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

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
    label_blob,
)


class LabelVersion(NamedTuple):
    """One version of an image's label map, and the event that brought it.

    `at` is when the annotator last changed it; where nobody said, when it came in.
    """

    image_id: str
    sha256: str
    annotator: str
    agreement: float | None
    number: int
    at: str = ""

    @property
    def blob(self) -> str:
        """The label map's name in the storage."""
        return label_blob(self.image_id, self.sha256)


@dataclass(frozen=True)
class CycleState:
    """One cycle: who holds it, until when, and how it ended.

    `opened_number` is its first opening event, whoever took it over later: what was asked before
    it is what this cycle may answer, however often it is run again.
    """

    cycle: int
    owner: str
    fence: int
    expires_at: str
    opened_at: str
    opened_number: int
    released: bool = False
    closed_at: str | None = None
    outcome: str | None = None
    report: str | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    run_id: str | None = None

    @property
    def closed(self) -> bool:
        """Whether the cycle is over."""
        return self.outcome is not None

    def held(self, now: datetime) -> bool:
        """Whether its owner still has the lease at this time."""
        return not (self.closed or self.released or now >= datetime.fromisoformat(self.expires_at))


@dataclass(frozen=True)
class Champion:
    """The best model at some point. `cycle` is the cycle that trained it."""

    model: str
    cycle: int
    metrics: dict[str, Any]
    number: int


@dataclass
class State:
    """What the events up to `version` add up to. Treat it as read-only: the ledger shares it.

    Attributes:
        version: the last event's number; -1 when there is none.
        labels: image_id -> its label versions, the last one current.
        outstanding: image_id -> what was asked, and neither answered nor skipped since (seed
            included).
        keys: key -> the number of its event.
    """

    version: int = -1
    name: str = ""
    created_at: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    recipe_changes: int = 0
    protected: dict[str, Any] = field(default_factory=dict)
    seed: tuple[str, ...] = ()
    labels: dict[str, tuple[LabelVersion, ...]] = field(default_factory=dict)
    outstanding: dict[str, QueryItem] = field(default_factory=dict)
    skipped: dict[str, TaskSkipped] = field(default_factory=dict)
    cycles: dict[int, CycleState] = field(default_factory=dict)
    champions: list[Champion] = field(default_factory=list)
    campaign_run_id: str | None = None
    keys: dict[str, int] = field(default_factory=dict)

    @property
    def created(self) -> bool:
        """Whether there is a campaign at all."""
        return self.version >= 0

    @property
    def last_cycle(self) -> CycleState | None:
        """The newest cycle, open or closed."""
        return self.cycles[max(self.cycles)] if self.cycles else None

    @property
    def open_cycle(self) -> CycleState | None:
        """The cycle that is not closed, if there is one (its lease may have run out)."""
        last = self.last_cycle
        return None if last is None or last.closed else last

    @property
    def fence(self) -> int:
        """The newest fencing number; 0 before the first cycle."""
        return self.last_cycle.fence if self.last_cycle else 0

    @property
    def champion(self) -> Champion | None:
        """The champion now; `champions` is the history, rollbacks included."""
        return self.champions[-1] if self.champions else None

    def copy(self) -> State:
        """A copy that can be changed without changing this one (its values are immutable)."""
        new = copy.copy(self)
        for name in ("labels", "outstanding", "skipped", "cycles", "keys", "champions"):
            setattr(new, name, getattr(self, name).copy())
        return new


def fold(events: Iterable[Event], start: State | None = None) -> State:
    """The state after these events, beginning at `start` (not changed) or at nothing."""
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
                state.skipped.pop(item.image_id, None)
        case LabelsAccepted():
            for label in payload.labels:
                version = LabelVersion(
                    label.image_id,
                    label.sha256,
                    label.annotator,
                    label.agreement,
                    event.number,
                    # A clock that was ahead must not win over everything that comes later.
                    min(label.created_at, event.at) if label.created_at else event.at,
                )
                before = state.labels.get(label.image_id, ())
                if not before or (before[-1].sha256, before[-1].annotator) != (
                    label.sha256,
                    label.annotator,
                ):
                    state.labels[label.image_id] = (*before, version)
                state.outstanding.pop(label.image_id, None)
                state.skipped.pop(label.image_id, None)
        case TaskSkipped():
            state.skipped[payload.image_id] = payload
            state.outstanding.pop(payload.image_id, None)
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
        case CycleOpened() | CycleClosed() | LeaseReleased() | Tracking():
            _advance_cycle(state, event)
    state.keys.setdefault(event.key, event.number)
    state.version = event.number


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
                summary=payload.summary,
            )
        case LeaseReleased():
            state.cycles[payload.cycle] = replace(state.cycles[payload.cycle], released=True)
        case Tracking():
            state.campaign_run_id = payload.campaign_run_id or state.campaign_run_id
            if payload.cycle is not None:
                cycle = state.cycles[payload.cycle]
                state.cycles[payload.cycle] = replace(
                    cycle, run_id=payload.cycle_run_id or cycle.run_id
                )

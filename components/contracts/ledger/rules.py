"""The invariants that every commit checks: which events may follow a state."""

from __future__ import annotations

from typing import Any

from components.contracts.ledger.events import (
    CampaignCreated,
    CycleClosed,
    CycleOpened,
    LeaseReleased,
    LedgerError,
    Promotion,
    Query,
    Rollback,
    Tracking,
)
from components.contracts.ledger.state import State

# Only the holder of a cycle's lease may commit these.
NEED_FENCE = (Query, Promotion, CycleClosed, LeaseReleased)


class StaleLeaseError(LedgerError):
    """A commit by a run that no longer holds the cycle."""


def check_fence(state: State, fence: int | None) -> None:
    """Reject a fencing number that is not the one of the open cycle's current holder.

    Raises:
        StaleLeaseError: the cycle was taken over, closed or released since.
    """
    if fence is None:
        return
    last = state.last_cycle
    if last is None or last.fence != fence:
        holder = (
            f"run {last.owner!r} holds cycle {last.cycle} with {last.fence}"
            if last
            else "no cycle is open"
        )
        raise StaleLeaseError(
            f"This run's lease (fencing number {fence}) is stale: {holder} now. Nothing was "
            "committed; this run must stop. The other run reuses what it had finished."
        )
    if last.closed or last.released:
        what = "closed" if last.closed else "released"
        raise StaleLeaseError(
            f"Cycle {last.cycle} was {what}, so fencing number {fence} no longer holds. Nothing "
            "was committed. Start a new run: it resumes where the campaign stopped."
        )


def check_applies(state: State, payload: Any, fence: int | None) -> None:
    """Reject an event that makes no sense after this state (its fence was checked before).

    Raises:
        LedgerError: there is no campaign, or already one; another cycle is open; an unknown model.
    """
    if isinstance(payload, CampaignCreated) == state.created:
        raise LedgerError(
            f"There is already a campaign {state.name!r} here."
            if state.created
            else "No campaign here yet. Start one with `streetloop run RECIPE`."
        )
    if isinstance(payload, NEED_FENCE):
        if fence is None:
            raise LedgerError(
                f"A {type(payload).__name__} event needs the fencing number of its cycle, got none."
            )
        if payload.cycle not in state.cycles or state.cycles[payload.cycle] != state.last_cycle:
            raise LedgerError(
                f"Expected an event of the open cycle {max(state.cycles)}, got {payload.cycle}."
            )
    match payload:
        case CycleOpened():
            if payload.cycle != state.next_cycle or payload.fence <= state.fence:
                raise LedgerError(
                    f"Expected cycle {state.next_cycle} with a fencing number above {state.fence}, "
                    f"got cycle {payload.cycle} with {payload.fence}."
                )
        case Rollback():
            known = {champion.model for champion in state.champions}
            if payload.model not in known:
                raise LedgerError(
                    f"Expected a model that was champion before ({', '.join(known) or 'none'}), "
                    f"got {payload.model}. `streetloop ledger log` lists them."
                )
        case Tracking():
            if payload.cycle is not None and payload.cycle not in state.cycles:
                raise LedgerError(f"Expected a known cycle, got {payload.cycle}.")

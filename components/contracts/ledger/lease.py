"""The lease on a cycle: one run at a time works on it; a run that lost it commits nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from components.contracts.ledger.events import Event, LedgerError, Outcome, to_iso, utc_now
from components.contracts.ledger.layout import work_folder
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.rules import StaleLeaseError
from components.contracts.ledger.state import CycleState, State

# Begins the owner of a cycle that was opened by the local command, which `campaign_lock` excludes.
LOCAL = "local-"
# What is known of a run that holds a cycle.
Life = Literal["runs", "ended", "unknown"]


class LeaseHeldError(LedgerError):
    """Another run holds the open cycle.

    Attributes:
        owner: that run.
    """

    def __init__(self, message: str, owner: str) -> None:
        """Keep the owner beside the message."""
        super().__init__(message)
        self.owner = owner


class Lease(NamedTuple):
    """The right to work on a cycle. Every commit of the cycle carries `fence`."""

    cycle: int
    fence: int


# What a run that is skipped, or of a complete campaign, has in place of a lease: its steps do nothing.
NO_CYCLE = Lease(0, 0)


class _MovedError(Exception):
    """Another run changed the lease while we decided."""


def open_cycle(
    ledger: Ledger,
    owner: str,
    lease_seconds: float,
    now: datetime | None = None,
    *,
    take_over: bool = False,
    ask: Callable[[str], Life] = lambda owner: "unknown",
) -> Lease:
    """Open the next cycle, or take over the open one when its holder is gone.

    - The same owner again, with its lease still running: the same cycle and fence, no event.
    - No open cycle: the next number (the first is 1).
    - An open cycle whose lease was released, whose run has ended, or whose lease expired while nobody knows
      whether its run still works: the same number, a new fence.

    Args:
        ledger: the campaign's ledger.
        owner: the run, unique for each run of a cycle (a retry of the same run has the same owner).
        lease_seconds: how long the lease holds if nobody knows whether its run works; above the longest step.
        now: the time, with a zone (default: the clock).
        take_over: take an open cycle from its holder immediately. Only for the local command, which
            knows by its `campaign_lock` that the holder is dead.
        ask: tells whether another run still works. Its answer counts more than the time of the lease.

    Raises:
        LeaseHeldError: another run holds the cycle.
        StaleLeaseError: this owner's cycle is closed already; a new run needs a new owner.
    """
    now = now or utc_now()
    expires_at = to_iso(now + timedelta(seconds=lease_seconds))
    ledger.storage.tidy()
    clean_up(ledger)
    while True:
        state = ledger.state()
        last = state.last_cycle
        for cycle in state.cycles.values():
            if cycle.closed and cycle.owner == owner:
                raise StaleLeaseError(
                    f"Run {owner!r} has closed cycle {cycle.cycle} already. Start a new run for "
                    "the next cycle."
                )
        if last is not None and last.owner == owner and last.held(now):
            return Lease(last.cycle, last.fence)
        if state.open_cycle is not None and state.open_cycle.owner != owner and not take_over:
            _check_free(state.open_cycle, now, ask)
        first = f"open/{owner}"
        fence = state.fence + 1
        key = first if first not in state.keys else f"{first}/{fence}"

        def check(seen: State, decided: State = state) -> None:
            if seen.last_cycle != decided.last_cycle:
                raise _MovedError

        payload = {
            "cycle": state.next_cycle,
            "owner": owner,
            "fence": fence,
            "expires_at": expires_at,
        }
        try:
            event = ledger.commit("cycle_opened", key, payload, check=check)
        except _MovedError:
            continue
        return Lease(event.payload.cycle, event.payload.fence)


def _check_free(last: CycleState, now: datetime, ask: Callable[[str], Life]) -> None:
    if last.released:
        return
    life = ask(last.owner)
    if life == "ended" or (life == "unknown" and not last.held(now)):
        return
    until, then = f"until {last.expires_at}", "it ends or its lease expires"
    if not last.held(now):
        until, then = "and still works, though its lease has expired", "it ends"
    raise LeaseHeldError(
        f"Run {last.owner!r} holds cycle {last.cycle} {until}. Wait until {then}, or terminate it: its exit "
        "step releases the lease.",
        last.owner,
    )


def close_cycle(
    ledger: Ledger,
    cycle: int,
    fence: int,
    outcome: Outcome,
    report: str | None,
    summary: dict[str, Any],
) -> Event:
    """End a cycle and delete its work folder. A repetition returns the first event.

    Args:
        ledger: the campaign's ledger.
        cycle: the cycle.
        fence: its fencing number.
        outcome: how it ended.
        report: the storage name of its report, already durable, or None.
        summary: the numbers that `status` shows, as plain JSON values.

    Raises:
        StaleLeaseError: another run holds the cycle now.
    """
    event = ledger.commit(
        "cycle_closed",
        f"close/{cycle}",
        {"cycle": cycle, "outcome": outcome, "report": report, "summary": summary},
        fence=fence,
    )
    ledger.storage.delete_prefix(work_folder(cycle))
    return event


def release(ledger: Ledger, owner: str, cycle: int, fence: int, why: str) -> Event | None:
    """Give an unfinished cycle back for the next run; None if it is no longer ours."""
    try:
        return ledger.commit(
            "lease_released",
            f"release/{fence}",
            {"cycle": cycle, "owner": owner, "why": why},
            fence=fence,
        )
    except StaleLeaseError:
        return None


def clean_up(ledger: Ledger) -> None:
    """Delete the work folder that a kill right after closing a cycle left behind."""
    last = ledger.state().last_cycle
    if last is not None:
        done = last.cycle if last.closed else last.cycle - 1
        ledger.storage.delete_prefix(work_folder(done))

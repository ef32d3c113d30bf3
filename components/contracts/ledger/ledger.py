"""The ledger: numbered, immutable events that any number of processes may append to concurrently."""

from __future__ import annotations

import gc
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

from components.contracts.ledger.codec import check_payload, decode, encode
from components.contracts.ledger.events import Event, LedgerError, event_number, utc_now
from components.contracts.ledger.fold import fold
from components.contracts.ledger.layout import LEDGER, event_name
from components.contracts.ledger.rules import check_applies, check_fence
from components.contracts.ledger.state import State
from components.contracts.storage.base import Storage
from components.contracts.storage.errors import StorageError

# How long a number may be taken and yet not readable (a cache in between) before we give up.
UNREADABLE_S = 30.0

Payload = BaseModel | Mapping[str, Any]


class Ledger:
    """The events of one campaign. One object per thread; any number of processes.

    Args:
        storage: the campaign root.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self._events: list[Event] = []
        self._state = State()
        self._listed = False

    def events(self) -> list[Event]:
        """Return all events so far, in order.

        Raises:
            LedgerError: the ledger is damaged (a gap, changed bytes, a broken chain).
        """
        self._refresh()
        return list(self._events)

    def state(self) -> State:
        """Read the new events and return the state now. The result never changes later.

        Raises:
            LedgerError: as `events`.
        """
        self._refresh()
        return self._state

    def state_at(self, version: int) -> State:
        """Return the state right after event `version`.

        Raises:
            LedgerError: there is no such event.
        """
        events = self.events()
        if not 0 <= version < len(events):
            raise LedgerError(
                f"Expected a version from 0 to {len(events) - 1}, got {version}."
                if events
                else "There is no campaign here yet."
            )
        return fold(events[: version + 1])

    def commit(
        self,
        kind: str,
        key: str,
        payload: Payload | Callable[[State], Payload],
        *,
        fence: int | None = None,
        check: Callable[[State], None] | None = None,
    ) -> Event:
        """Append an event, or return the one that did the same before.

        Every blob that the payload names must be durable already. The checks, and a payload given
        as a function, see exactly the state that the event follows, whoever commits concurrently.

        Args:
            kind: one of `events.KINDS`.
            key: what the event does (`labels/<file sha256>`); at most one event has it. If one has
                it already, that event is returned and nothing is checked: use *its* payload.
            payload: the payload, or a function of the state it follows.
            fence: the fencing number of the cycle; a stale one is rejected.
            check: raises if the event no longer applies.

        Raises:
            StaleLeaseError: the fencing number is not the current holder's.
            LedgerError: the event does not apply, or the ledger is damaged.
            StorageError: the storage failed. The event may have been stored nevertheless: run again.
        """
        event_id = uuid.uuid4().hex
        deadline = None
        while True:
            self._refresh()
            state = self._state
            if key in state.keys:
                event = self._events[state.keys[key]]
                if event.event_id != event_id:
                    self.storage.make_durable(LEDGER)
                return event
            check_fence(state, fence)
            if check is not None:
                check(state)
            body = check_payload(kind, payload(state) if callable(payload) else payload)
            check_applies(state, body, fence)
            number = state.version + 1
            previous = self._events[-1].sha256 if self._events else None
            data = encode(number, event_id, key, kind, utc_now(), fence, previous, body)
            event = decode(data, number)
            try:
                self.storage.create(event_name(number), data)
            except FileExistsError:
                # Ours (its answer was lost) or another's: the next read decides, by the key.
                if self._refresh():
                    deadline = None
                    continue
                deadline = deadline or time.monotonic() + UNREADABLE_S
                if time.monotonic() > deadline:
                    raise StorageError(
                        f"{self.storage.uri}/{event_name(number)} exists but cannot be read. Check "
                        "the storage (a cache between it and this machine?), then run again."
                    ) from None
                time.sleep(0.2)
                continue
            self._append([event])
            return event

    def verify(self) -> list[str]:
        """Check every hash: the events' chain, label maps, models. Return all damage, in words."""
        # Not above: the model room imports NumPy, which reading a ledger does not need.
        from components.contracts.ledger.verify import verify

        return verify(self.storage)

    def _refresh(self) -> bool:
        """Read the events that are new; return whether there were any."""
        with collector_paused():
            new = [] if self._listed else self._read_listed()
            while True:
                number = self._state.version + 1 + len(new)
                try:
                    data = self.storage.read(event_name(number))
                except FileNotFoundError:
                    break
                new.append(decode(data, number))
            if new:
                self._append(new)
        self._listed = True
        return bool(new)

    def _read_listed(self) -> list[Event]:
        """Read all listed events together: one by one, a bucket is slow."""
        names = self.storage.list(LEDGER)
        if not names:
            return []
        last = max(event_number(name) for name in names)
        try:
            contents = self.storage.read_many(event_name(n) for n in range(last + 1))
        except FileNotFoundError as error:
            raise LedgerError(
                f"The ledger of {self.storage.uri} has a gap: {error} is missing but event {last} "
                "exists. Restore it from a backup; nothing is committed to a damaged ledger."
            ) from error
        return [decode(data, number) for number, data in enumerate(contents)]

    def _append(self, new: list[Event]) -> None:
        previous = self._events[-1].sha256 if self._events else None
        for event in new:
            if event.prev_sha256 != previous:
                raise LedgerError(
                    f"{event_name(event.number)} does not follow the event before it: one of the "
                    "two was changed. `streetloop ledger verify` lists all damage; restore from a "
                    "backup."
                )
            previous = event.sha256
        self._state = fold(new, self._state)
        self._events += new


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector: reading makes many objects and no garbage, in half the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

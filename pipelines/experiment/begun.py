"""Remember when a part of an experiment first started."""

from __future__ import annotations

import json
from contextlib import suppress

from components.contracts.ledger.events import to_iso, utc_now
from components.contracts.storage.base import Storage


def first_time(storage: Storage, name: str, facts: dict[str, object]) -> str:
    """Store facts with the time now, unless they are already stored; return the stored time."""
    with suppress(FileExistsError):
        storage.create(name, json.dumps({"at": to_iso(utc_now())} | facts, indent=1).encode())
    return str(json.loads(storage.read(name))["at"])

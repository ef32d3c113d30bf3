"""Whether an export is known, and what of it is new."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import Any

from components.contracts.ledger.events import Event
from components.contracts.ledger.inbox import BY
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.recipe.feedback import FeedbackSettings
from components.feedback.resolution import resolutions, votes


def identity_of(file_name: str, by: str, data: bytes) -> str:
    """What makes an export the same one when it comes again: SHA-256, in hex.

    A mask or a file of polygons says only in its name whose it is: two images may have equal ones.
    In a zip they have names of their own. And two people may hand in equal files.
    """
    head = "" if data.startswith(b"PK") else PurePosixPath(file_name).name
    if by:
        head = f"{BY}{by}/{head}\n"
    return hashlib.sha256(head.encode() + data).hexdigest()


def handed_in(ledger: Ledger, state: State, key: str) -> tuple[str, Event | None]:
    """The key of the next event of a file, and the last one that it has, if any.

    Each key ends in the number of the event before it, so that all who take in the same file at the
    same time mean the same event.
    """
    first, last = key, None
    while key in state.keys:
        last = ledger.events()[state.keys[key]]
        key = f"{first}/{last.number}"
    return key, last


def reverted(state: State, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that bring an annotator's earlier map back; a dated one stays the earlier one."""
    resolved = resolutions(state)
    back = []
    for (image_id, annotator), row in _last_words(rows).items():
        people = votes(state.labels.get(image_id, ()), resolved)
        mine = next((v for v in people if v.annotator == annotator), None)
        if row["created_at"] is None and mine is not None and mine.sha256 != row["sha256"]:
            back.append(row)
    return back


def news(state: State, rows: list[dict[str, Any]], settings: FeedbackSettings) -> list[Any]:
    """The rows that change something: an export often repeats what earlier ones held."""
    new, resolved, last_words = [], None, _last_words(rows)
    for row in rows:
        versions = state.labels.get(row["image_id"], ())
        if versions and row["image_id"] not in state.outstanding:
            resolved = resolutions(state) if resolved is None else resolved
            people = votes(versions, resolved)
            mine = next((v for v in people if v.annotator == row["annotator"]), None)
            # With "latest", one who confirms a map after somebody else changed it wins again.
            late = row["created_at"] is not None and row["created_at"] > people[-1].at
            again = settings.policy == "latest" and mine is not people[-1] and late
            says = last_words[row["image_id"], row["annotator"]]["sha256"]
            if mine is not None and mine.sha256 == says and not again:
                continue
        new.append(row)
    return new


def _last_words(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """By image and annotator the last row, oldest first: of several, it is what the file says."""
    return {(row["image_id"], row["annotator"]): row for row in rows}

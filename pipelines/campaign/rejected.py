"""Read back what a campaign rejected, and which of it has been labeled since."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.contracts.annotation.fields import DATA_SET
from components.contracts.annotation.known import KnownImages
from components.contracts.annotation.model import AnnotationError
from components.contracts.ledger.events import LabelsAccepted
from components.contracts.ledger.layout import REJECTED
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State

_REASON = "reason.json"
# In the name of a rejected label whose image was recognized.
_NAMED = re.compile(r": image (.+), by ")


@dataclass(frozen=True)
class Row:
    """A label that was rejected; `since`: its image has been labeled since."""

    name: str
    reason: str
    since: bool

    @property
    def words(self) -> str:
        """The row as one line."""
        return f"{self.name}: {self.reason}" + (" (labeled since)" if self.since else "")


@dataclass(frozen=True)
class RejectedFile:
    """A file of which something was rejected, and the folder that keeps it."""

    name: str
    folder: str
    rows: list[Row]


class _Labeled:
    """Knows which images have labels."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known = KnownImages(dict.fromkeys([*state.labels, *state.probes], (0, 0)))

    def row(self, name: str, reason: str, number: int) -> Row:
        """Return a row that was rejected in event `number`."""
        since = False
        with suppress(AnnotationError):  # not the name of an image
            named = _NAMED.search(name)
            image_id = named[1] if named else self._known.id_of_mask(PurePosixPath(name).name)
            since = any(version.number > number for version in self._state.answers(image_id))
        return Row(name, reason, since)


def rejected_files(ledger: Ledger) -> list[RejectedFile]:
    """Return the files below rejected/."""
    storage, state = ledger.storage, ledger.state()
    labeled = _Labeled(state)
    last = {_identity(e.key): e.number for e in ledger.events() if e.kind == "labels_accepted"}
    found = []
    for path in map(PurePosixPath, storage.list(REJECTED)):
        if path.name == _REASON:
            report = json.loads(storage.read(str(path)))
            number = last.get(path.parent.name, state.version)  # a kill may have left no event
            rows = [labeled.row(row["name"], row["reason"], number) for row in report["refused"]]
            found.append(RejectedFile(report["file"], str(path.parent), rows))
    return found


def rejected_masks(ledger: Ledger) -> list[Row]:
    """Return the masks of the data set that were rejected, with the newest reasons."""
    labeled = _Labeled(ledger.state())
    newest = {
        row.name: (row.reason, event.number)
        for event in ledger.events()
        if isinstance(event.payload, LabelsAccepted) and event.payload.file_name == DATA_SET
        for row in event.payload.refused
    }
    return [labeled.row(name, *found) for name, found in sorted(newest.items())]


def _identity(key: str) -> str:
    """Return what identifies a file in the key of its event: labels/IDENTITY/NUMBER."""
    return key.removeprefix("labels/").partition("/")[0]

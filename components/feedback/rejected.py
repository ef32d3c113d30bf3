"""Keeps rejected files below rejected/, as they arrived, each beside the reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import PurePosixPath

from components.contracts.ledger.events import LabelsAccepted, Refused
from components.contracts.ledger.layout import INBOX, rejected_folder
from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.base import Stamp, Storage


def keep(
    storage: Storage, identity: str, file_name: str, data: bytes, refused: Sequence[Refused]
) -> None:
    """Keep a file that was rejected, in whole or in part.

    Args:
      storage: the campaign root.
      identity: the name of the folder below rejected/.
      file_name: below the inbox.
      data: the content of the file.
      refused: the rejected parts, with reasons.
    """
    storage.write(_kept_name(identity, file_name), data)
    _write_reason(storage, identity, file_name, refused)


def reject_unread(ledger: Ledger, name: str, stamp: Stamp, why: str, fence: int | None) -> None:
    """Reject a file of the inbox and move it away, without reading it.

    Its name and size identify it. It is moved last: after a kill before that, it is rejected again.

    Args:
      ledger: the campaign's ledger; its storage holds the inbox.
      name: in the storage.
      stamp: of the file that was checked; another file of that name stays.
      why: the reason.
      fence: the lease's fencing number.

    Raises:
      StreetloopError: the storage or the ledger failed.
    """
    file_name = name.removeprefix(f"{INBOX}/")
    identity = hashlib.sha256(f"{file_name}\n{stamp.size} bytes".encode()).hexdigest()
    refused = [Refused(name=PurePosixPath(file_name).name, reason=why)]
    _write_reason(ledger.storage, identity, file_name, refused)
    accepted = LabelsAccepted(file_sha256=identity, file_name=file_name, labels=[], refused=refused)
    ledger.commit("labels_accepted", f"labels/{identity}", accepted, fence=fence)
    ledger.storage.move(name, _kept_name(identity, file_name), stamp)


def _kept_name(identity: str, file_name: str) -> str:
    name = PurePosixPath(file_name).name
    suffix = ".refused" if name == "reason.json" else ""
    return f"{rejected_folder(identity)}/{name}{suffix}"


def _write_reason(
    storage: Storage, identity: str, file_name: str, refused: Sequence[Refused]
) -> None:
    reason = {"file": file_name, "refused": [r.model_dump() for r in refused]}
    name = f"{rejected_folder(identity)}/reason.json"
    storage.write(name, json.dumps(reason, indent=1).encode())

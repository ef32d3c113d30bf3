"""What was refused is kept below rejected/, as it came, beside the reason."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import TypeAlias

from components.contracts.ledger.layout import INBOX, REJECTED
from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.base import Stamp, Storage

Reasons: TypeAlias = list[dict[str, str]]  # {"name": the part of the file, "reason": in words}


def keep(storage: Storage, identity: str, file_name: str, data: bytes, refused: Reasons) -> None:
    """Keeps a file that was refused, in whole or in part.

    Args:
      storage: the campaign root.
      identity: names the folder below rejected/.
      file_name: below the inbox.
      data: the file.
      refused: what of it was refused, and why.
    """
    storage.write(_kept(identity, file_name), data)
    _tell(storage, identity, file_name, refused)


def refuse_unread(ledger: Ledger, name: str, stamp: Stamp, why: str, fence: int | None) -> None:
    """Refuses a file of the inbox and moves it away, without reading it.

    Its name and size stand for its content. It moves last: a kill before that leaves it to be refused
    again.

    Args:
      ledger: the campaign's ledger; its storage holds the inbox.
      name: in the storage.
      stamp: what the file was when it was looked at; another one of that name stays.
      why: the reason.
      fence: the lease's fencing number.

    Raises:
      StreetloopError: the storage or the ledger failed.
    """
    file_name = name.removeprefix(f"{INBOX}/")
    identity = hashlib.sha256(f"{file_name}\n{stamp.size} bytes".encode()).hexdigest()
    refused = [{"name": PurePosixPath(file_name).name, "reason": why}]
    _tell(ledger.storage, identity, file_name, refused)
    payload = {
        "file_sha256": identity,
        "file_name": file_name,
        "labels": [],
        "refused": refused,
    }
    ledger.commit("labels_accepted", f"labels/{identity}", payload, fence=fence)
    ledger.storage.move(name, _kept(identity, file_name), stamp)


def _kept(identity: str, file_name: str) -> str:
    name = PurePosixPath(file_name).name
    return f"{REJECTED}/{identity}/{name}" + (".refused" if name == "reason.json" else "")


def _tell(storage: Storage, identity: str, file_name: str, refused: Reasons) -> None:
    reason = {"file": file_name, "refused": refused}
    name = f"{REJECTED}/{identity}/reason.json"
    storage.write(name, json.dumps(reason, indent=1).encode())

"""Takes in the inbox: what can be used becomes labels, what cannot goes to rejected/ with a reason.

A file leaves the inbox only after the event that speaks for it is durable, so a kill anywhere
leaves it either to be read again (its event's key then says that it is known) or done.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import PurePosixPath

from components.contracts.annotation.detect import read_bytes
from components.contracts.annotation.limits import Limits
from components.contracts.annotation.model import Batch, Refusal
from components.contracts.labels_store import store_label
from components.contracts.ledger import Ledger
from components.contracts.progress import Progress
from components.contracts.records import Records
from components.feedback.checks import Known, Rules, check
from components.feedback.consensus import resolve
from components.feedback.settings import FeedbackSettings

log = logging.getLogger("streetloop")
INBOX = "inbox"
REJECTED = "rejected"


def arrived(names: list[str]) -> list[str]:
    """The inbox files that are whole: `.part` and dotfiles are still being copied."""
    return [
        name
        for name in names
        if not name.endswith(".part")
        and not any(part.startswith(".") for part in PurePosixPath(name).parts)
    ]


def ingest_inbox(
    ledger: Ledger, records: Records, settings: FeedbackSettings, fence: int | None
) -> None:
    """Takes in every whole file of the inbox, in the order of their names.

    Args:
      ledger: the campaign's ledger; its storage holds the inbox.
      records: the data set, whose ids and sizes the labels must match.
      settings: what is accepted.
      fence: the lease's fencing number.
    """
    storage = ledger.storage
    names = arrived(storage.list(INBOX))
    progress = Progress("feedback", "files", len(names))
    for done, name in enumerate(names, 1):
        try:
            data = storage.read(name)
        except FileNotFoundError:
            continue  # a person took it back
        ingest(ledger, records, settings, fence, name.removeprefix(f"{INBOX}/"), data)
        storage.delete(name)
        progress.update(done)


def ingest(
    ledger: Ledger,
    records: Records,
    settings: FeedbackSettings,
    fence: int | None,
    file_name: str,
    data: bytes,
) -> None:
    """Takes in one export: labels as blobs, then one event; what is refused is kept with its reason."""
    sha256 = hashlib.sha256(data).hexdigest()
    key = f"labels/{_identity(file_name, data)}"
    batch = read_bytes(file_name, data, Limits())
    known = {i: Known(e.height, e.width, e.split) for i, e in records.entries.items()}
    rules = Rules(settings.allow_unasked, settings.resize, settings.max_ignore)
    state = ledger.state()
    if key in state.keys:
        log.info("%s is known: nothing to do", file_name)
        return
    checked = check(batch.annotations, known, state.outstanding, rules)
    refusals = [*batch.refusals, *checked.refusals]
    labels = [
        {
            "image_id": image_id,
            "sha256": store_label(ledger.storage, image_id, annotation.train_ids),
            "annotator": annotation.annotator,
        }
        for image_id, annotation in resolve(checked.accepted, settings.policy).items()
    ]
    if refusals:
        _reject(ledger, sha256, file_name, data, refusals)
    _skip(ledger, batch, sha256, fence)
    ledger.commit(
        "labels_accepted",
        key,
        {
            "file_sha256": sha256,
            "file_name": file_name,
            "labels": labels,
            "refused": [{"name": r.name, "reason": r.reason} for r in refusals],
        },
        fence=fence,
    )
    log.info("%s: %d labels taken, %d refused", file_name, len(labels), len(refusals))


def _identity(file_name: str, data: bytes) -> str:
    """What makes an export the same one when it comes again: SHA-256, in hex.

    A single mask says only in its name whose it is: two images may have equal masks.
    """
    named = file_name.lower().endswith((".png", "_polygons.json"))
    name = PurePosixPath(file_name).name.encode() if named else b""
    return hashlib.sha256(name + data).hexdigest()


def _reject(
    ledger: Ledger, sha256: str, file_name: str, data: bytes, refusals: list[Refusal]
) -> None:
    folder = f"{REJECTED}/{sha256}"
    ledger.storage.write(f"{folder}/{PurePosixPath(file_name).name}", data)
    reason = {
        "file": file_name,
        "refused": [{"name": r.name, "reason": r.reason} for r in refusals],
    }
    ledger.storage.write(f"{folder}/reason.json", json.dumps(reason, indent=1).encode())


def _skip(ledger: Ledger, batch: Batch, sha256: str, fence: int | None) -> None:
    """A task that nobody can label leaves the queue, as an event."""
    outstanding = ledger.state().outstanding
    for skipped in batch.skipped:
        if skipped.image_id in outstanding:
            ledger.commit(
                "task_skipped",
                f"skip/{skipped.image_id}/{sha256}",
                {
                    "image_id": skipped.image_id,
                    "annotator": skipped.annotator,
                    "why": skipped.why,
                },
                fence=fence,
            )

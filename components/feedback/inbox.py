"""Ingests the inbox: usable files become labels, the others go to rejected/ with a reason.

A file leaves the inbox only after its event is durable. After a kill it is read again; the key of its
event then tells that it is known. Only the file that was read leaves the inbox: one that replaced it
meanwhile waits for the next ingestion.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import suppress

from components.contracts.annotation.detect import too_large
from components.contracts.annotation.limits import Limits
from components.contracts.data.records import Records
from components.contracts.ledger.inbox import arrived
from components.contracts.ledger.layout import INBOX
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.progress import Progress
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.storage.base import SETTLED_S, Stamp, Storage
from components.feedback.intake import Intake, ingest
from components.feedback.rejected import reject_unread
from components.feedback.resolution import settle

log = logging.getLogger("streetloop")


def ingest_inbox(
    ledger: Ledger, records: Records, settings: FeedbackSettings, fence: int | None
) -> None:
    """Ingest every complete file of the inbox, then decide which label counts of several people's.

    Args:
      ledger: the campaign's ledger; its storage holds the inbox.
      records: of the data set; their ids and sizes must match the labels.
      settings: what is accepted, and which of several annotators counts.
      fence: the lease's fencing number.
    """
    files = _in_order(ledger.storage, arrived(ledger.storage.list(INBOX)))
    state = ledger.state()
    # A label that was not asked for may be corrected as well.
    asked = frozenset(state.asked_ever | state.labels.keys())
    intake = Intake(ledger, settings, records.entries, asked, fence)
    unfinished = _ingest_files(intake, files)
    if unfinished:
        log.info("%d files may still be incomplete: reading them again soon", len(unfinished))
        time.sleep(SETTLED_S)
        for name in _ingest_files(intake, _in_order(ledger.storage, unfinished)):
            log.warning(
                "%s cannot be read and is still growing: it stays in the inbox for the next cycle. "
                "`streetloop feedback add` copies files atomically.",
                name,
            )
    settle(ledger, settings.policy, fence)


def _in_order(storage: Storage, names: Iterable[str]) -> list[tuple[str, Stamp]]:
    """Return files in the order in which they arrived, each with its stamp.

    Of two undated files about an image, the one that arrived last corrects the other.
    """
    stamps = []
    for name in names:
        with suppress(FileNotFoundError):  # a person removed it
            stamps.append((name, storage.stamp(name)))
    return sorted(stamps, key=lambda pair: (pair[1].arrived, pair[0]))


def _ingest_files(intake: Intake, files: list[tuple[str, Stamp]]) -> list[str]:
    """Ingest files of the inbox; return those that seem to be still in the middle of a copy."""
    storage, limits = intake.ledger.storage, Limits()
    progress = Progress("feedback", "files", len(files))
    unfinished = []
    # A file that replaces one of these meanwhile has another stamp, and stays.
    for done, (name, stamp) in enumerate(files, 1):
        try:
            data = storage.read(name) if stamp.size <= limits.max_file_bytes else None
        except FileNotFoundError:
            continue  # a person removed it
        if data is None:
            reject_unread(intake.ledger, name, stamp, too_large(stamp.size, limits), intake.fence)
        elif ingest(intake, name.removeprefix(f"{INBOX}/"), data, stamp):
            storage.delete(name, stamp)
        else:
            unfinished.append(name)
        progress.update(done)
    return unfinished

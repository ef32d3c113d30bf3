"""Takes in the inbox: what can be used becomes labels, what cannot goes to rejected/ with a reason.

A file leaves the inbox only after the event that speaks for it is durable, so a kill anywhere
leaves it either to be read again (its event's key then says that it is known) or done. Only what was
read leaves it: a file that was replaced meanwhile is the next ingestion's.
"""

from __future__ import annotations

import logging
import time

from components.contracts.annotation.detect import too_large
from components.contracts.annotation.limits import Limits
from components.contracts.data.records import Records
from components.contracts.ledger.events import Query, Seed
from components.contracts.ledger.inbox import arrived
from components.contracts.ledger.layout import INBOX
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.progress import Progress
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.storage.base import SETTLED_S
from components.feedback.checks import Known
from components.feedback.intake import Intake, ingest
from components.feedback.refused import refuse_unread
from components.feedback.resolution import settle

log = logging.getLogger("streetloop")


def ingest_inbox(
    ledger: Ledger, records: Records, settings: FeedbackSettings, fence: int | None
) -> None:
    """Takes in every whole file of the inbox, and then says what counts where several people answered.

    Args:
      ledger: the campaign's ledger; its storage holds the inbox.
      records: the data set, whose ids and sizes the labels must match.
      settings: what is accepted, and which of several annotators counts.
      fence: the lease's fencing number.
    """
    names = arrived(ledger.storage.list(INBOX))
    known = {i: Known(e.height, e.width, e.split) for i, e in records.entries.items()}
    intake = Intake(ledger, settings, known, asked_ever(ledger), fence)
    unfinished = _take_in(intake, names)
    if unfinished:
        log.info("%d files may still be being copied: looking again soon", len(unfinished))
        time.sleep(SETTLED_S)
        for name in _take_in(intake, unfinished):
            log.warning(
                "%s cannot be read and is still growing: it stays in the inbox for the next cycle. "
                "`streetloop feedback add` copies at once.",
                name,
            )
    settle(ledger, settings.policy, fence)


def _take_in(intake: Intake, names: list[str]) -> list[str]:
    """Takes in files of the inbox; returns those that are still being copied, as it seems."""
    storage, limits = intake.ledger.storage, Limits()
    progress = Progress("feedback", "files", len(names))
    unfinished = []
    for done, name in enumerate(names, 1):
        try:
            # Before reading: what takes its place meanwhile is another file, and stays.
            stamp = storage.stamp(name)
            data = storage.read(name) if stamp.size <= limits.max_file_bytes else None
        except FileNotFoundError:
            continue  # a person took it back
        if data is None:
            refuse_unread(intake.ledger, name, stamp, too_large(stamp.size, limits), intake.fence)
        elif ingest(intake, name.removeprefix(f"{INBOX}/"), data, stamp):
            storage.delete(name, stamp)
        else:
            unfinished.append(name)
        progress.update(done)
    return unfinished


def asked_ever(ledger: Ledger) -> frozenset[str]:
    """The images that the seed or a query asked for, answered or not."""
    asked: set[str] = set()
    for event in ledger.events():
        if isinstance(event.payload, Query):
            asked.update(item.image_id for item in event.payload.items)
        elif isinstance(event.payload, Seed):
            asked.update(event.payload.image_ids)
    return frozenset(asked)

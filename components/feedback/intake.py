"""Takes in one export: labels as blobs, then one event; what is refused is kept with its reason."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from components.contracts.annotation.detect import read_bytes
from components.contracts.annotation.fields import UNKNOWN_ANNOTATOR
from components.contracts.annotation.limits import Limits
from components.contracts.annotation.model import Annotation, Skipped
from components.contracts.ledger.inbox import BY
from components.contracts.ledger.labels import store_label
from components.contracts.ledger.layout import REJECTED
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.storage.base import Stamp
from components.feedback.checks import Known, Rules, check
from components.feedback.consensus import moment
from components.feedback.news import handed_in, identity_of, news, reverted
from components.feedback.refused import keep

log = logging.getLogger("streetloop")


class _Answered(Exception):
    """Somebody labeled the image that another one skipped."""


@dataclass(frozen=True)
class Intake:
    """What the files of one round are checked against, read once for all of them.

    Attributes:
      ledger: the campaign's ledger; its storage holds the inbox.
      settings: what is accepted.
      known: every image of the campaign, by id.
      asked: ids of the images that were ever asked for.
      fence: the lease's fencing number.
    """

    ledger: Ledger
    settings: FeedbackSettings
    known: Mapping[str, Known]
    asked: frozenset[str]
    fence: int | None


def ingest(intake: Intake, file_name: str, data: bytes, stamp: Stamp) -> bool:
    """Takes in one export: labels as blobs, then one event; what is refused is kept with its reason.

    Args:
      intake: what the file is checked against.
      file_name: below the inbox; a first folder `@NAME` says whose it is, if the format does not.
      data: the file.
      stamp: what it was just before it was read.

    Returns:
      Whether that is all: it may leave the inbox. False if it is still being copied, as it seems.
    """
    ledger = intake.ledger
    first = PurePosixPath(file_name).parts[0]
    by = first.removeprefix(BY) if first.startswith(BY) else ""
    identity = identity_of(file_name, by, data)
    state = ledger.state()
    key, last = handed_in(ledger, state, f"labels/{identity}")
    # Otherwise a kill left it in the inbox, or another process has taken it in meanwhile.
    again = last is not None and stamp.arrived > datetime.fromisoformat(last.at)
    if last is not None and not last.payload.refused and not again:
        log.info("%s is known: nothing to do", file_name)
        return True
    batch = read_bytes(PurePosixPath(file_name).name, data, Limits(), by or UNKNOWN_ANNOTATOR)
    if not stamp.whole and batch.refusals and not (batch.annotations or batch.skipped):
        return False
    settings = intake.settings
    rules = Rules(settings.allow_unasked, settings.resize, settings.max_ignore)
    checked = check(batch.annotations, intake.known, intake.asked, rules)
    refused = [{"name": r.name, "reason": r.reason} for r in (*batch.refusals, *checked.refusals)]
    rows = _rows(intake, checked.accepted)
    # What was refused is worth another look when it is handed in again: the image may have been asked
    # for since, or a setting changed. Where it would be refused again, only a label that goes back to
    # what it was is news.
    if last is not None and refused == [r.model_dump() for r in last.payload.refused]:
        rows = reverted(state, rows) if again else []
        if not rows:
            log.info("%s is known: nothing to do", file_name)
            return True
    if refused:
        keep(ledger.storage, identity, file_name, data, refused)
    elif last is not None:
        ledger.storage.delete_prefix(f"{REJECTED}/{identity}")
    labeled = {row["image_id"] for row in rows}
    for skipped in batch.skipped:
        if skipped.image_id not in labeled:
            _skip(intake, skipped, identity)
    head = {
        "file_sha256": hashlib.sha256(data).hexdigest(),
        "file_name": file_name,
        "refused": refused,
    }
    event = ledger.commit(
        "labels_accepted",
        key,
        lambda now: head | {"labels": news(now, rows, settings)},
        fence=intake.fence,
    )
    log.info("%s: %d labels taken, %d refused", file_name, len(event.payload.labels), len(refused))
    return True


def _rows(intake: Intake, accepted: list[Annotation]) -> list[dict[str, Any]]:
    """The accepted label maps, stored, oldest first; undated ones are as new as this file."""
    return [
        {
            "image_id": annotation.image_id,
            "sha256": store_label(intake.ledger.storage, annotation.image_id, annotation.train_ids),
            "annotator": annotation.annotator,
            "created_at": annotation.created_at,
        }
        for annotation in sorted(accepted, key=lambda a: moment(a.created_at))
    ]


def _skip(intake: Intake, skipped: Skipped, identity: str) -> None:
    """A task that nobody can label leaves the queue, as an event."""

    def waits(now: State) -> None:
        if skipped.image_id not in now.outstanding:
            raise _Answered

    with suppress(_Answered):
        intake.ledger.commit(
            "task_skipped",
            f"skip/{skipped.image_id}/{identity}",
            {
                "image_id": skipped.image_id,
                "annotator": skipped.annotator,
                "why": skipped.why,
            },
            fence=intake.fence,
            check=waits,
        )

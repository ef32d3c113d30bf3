"""Ingests one export: its labels are stored, then one event names them; the rest is rejected."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import PurePosixPath

from components.contracts.annotation.detect import read_bytes
from components.contracts.annotation.fields import UNKNOWN_ANNOTATOR
from components.contracts.annotation.known import KnownImages
from components.contracts.annotation.limits import Limits
from components.contracts.annotation.model import (
    Annotation,
    AnnotationError,
    Refusal,
    Skipped,
)
from components.contracts.data.records import Entry
from components.contracts.ledger.events import (
    Label,
    LabelsAccepted,
    QueryItem,
    Refused,
    TaskSkipped,
)
from components.contracts.ledger.inbox import BY
from components.contracts.ledger.labels import store_label
from components.contracts.ledger.layout import rejected_folder
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.regions.tiles import Tiles, parse_parts
from components.contracts.storage.base import Stamp, Storage
from components.feedback.checks import check, name_of
from components.feedback.consensus import time_key
from components.feedback.news import handed_in_again, identity_of, last_event, new_labels
from components.feedback.portions import in_regions, portions
from components.feedback.rejected import keep

log = logging.getLogger("streetloop")


class _Answered(Exception):
    """Somebody labeled the image that another annotator skipped."""


@dataclass(frozen=True)
class Intake:
    """What every file of one round is checked against.

    Attributes:
      ledger: the campaign's ledger; its storage holds the inbox.
      settings: what is accepted.
      entries: every image of the campaign, by id.
      asked: ids of the images that were ever asked for.
      fence: the lease's fencing number.
    """

    ledger: Ledger
    settings: FeedbackSettings
    entries: Mapping[str, Entry]
    asked: frozenset[str]
    fence: int | None

    @cached_property
    def images(self) -> KnownImages:
        """What readers may know about the images."""
        return KnownImages({i: (e.height, e.width) for i, e in self.entries.items()})


def ingest(intake: Intake, file_name: str, data: bytes, stamp: Stamp) -> bool:
    """Ingest one export: store its labels, then commit one event; keep what is rejected.

    Args:
      intake: what the file is checked against.
      file_name: below the inbox; a first folder `@NAME` names the annotator if the format does not.
      data: the content of the file.
      stamp: of the file, just before it was read.

    Returns:
      whether the file may leave the inbox. False if it seems that it is still being copied.
    """
    ledger, settings = intake.ledger, intake.settings
    first = PurePosixPath(file_name).parts[0]
    by = first.removeprefix(BY) if first.startswith(BY) else ""
    identity = identity_of(file_name, by, data)
    state = ledger.state()
    key, last = last_event(ledger, state, f"labels/{identity}")
    # If not, a kill left the file in the inbox, or another process has ingested it meanwhile.
    again = last is not None and stamp.arrived > datetime.fromisoformat(last.at)
    if last is not None and not last.payload.refused and not again:
        log.info("%s was ingested before: nothing to do", file_name)
        return True
    name, annotator = PurePosixPath(file_name).name, by or UNKNOWN_ANNOTATOR
    batch = read_bytes(name, data, Limits(), annotator, intake.images)
    if not stamp.whole and batch.refusals and not (batch.annotations or batch.skipped):
        return False
    regions = partial(in_regions, state)
    checked = check(batch.annotations, intake.entries, intake.asked, settings, regions)
    labels, beside = _labels(intake, state, sorted(checked.accepted, key=time_key))
    refusals = (*batch.refusals, *checked.refusals, *beside)
    refused = [Refused(name=r.name, reason=r.reason) for r in refusals]
    # A rejected file that is handed in again is checked again: its image may have been asked for
    # since, or a setting changed. If the same parts are rejected again, the only news can be a label
    # that reverts to an earlier one, or answers what the image was asked for since.
    if last is not None and refused == last.payload.refused:
        labels = handed_in_again(state, labels) if again else []
        if not labels:
            log.info("%s was ingested before: nothing to do", file_name)
            return True
    if refused:
        keep(ledger.storage, identity, file_name, data, refused)
    elif last is not None:
        ledger.storage.delete_prefix(rejected_folder(identity))
    for skipped in batch.skipped:
        _skip(intake, skipped, [x for x in labels if x.image_id == skipped.image_id], identity)
    sha256 = hashlib.sha256(data).hexdigest()

    def payload(now: State) -> LabelsAccepted:
        new = new_labels(now, labels, settings)
        return LabelsAccepted(file_sha256=sha256, file_name=file_name, labels=new, refused=refused)

    event = ledger.commit("labels_accepted", key, payload, fence=intake.fence)
    accepted = len(event.payload.labels)
    log.info("%s: %d labels accepted, %d rejected", file_name, accepted, len(refused))
    return True


def _labels(
    intake: Intake, state: State, annotations: Iterable[Annotation]
) -> tuple[list[Label], list[Refusal]]:
    """Store what annotations say of the images, or regions, that were asked for."""
    labels: list[Label] = []
    refusals: list[Refusal] = []
    storage, max_ignore = intake.ledger.storage, intake.settings.max_ignore
    for annotation in annotations:
        try:
            found = portions(storage, state, annotation, max_ignore)
        except AnnotationError as error:
            refusals.append(Refusal(name_of(annotation), str(error)))
        else:
            labels += [_store(storage, part, tiles) for part, tiles in found]
    return labels, refusals


def _store(storage: Storage, annotation: Annotation, tiles: Tiles | None) -> Label:
    image_id = annotation.image_id
    return Label(
        image_id=image_id,
        sha256=store_label(storage, image_id, annotation.train_ids),
        annotator=annotation.annotator,
        created_at=annotation.created_at,
        tiles=tiles,
    )


def _skip(intake: Intake, skipped: Skipped, labels: Sequence[Label], identity: str) -> None:
    """Take a task that nobody can label off the queue, unless it has been answered.

    Args:
      intake: of the round.
      skipped: the task; it may name its regions.
      labels: of the same image, from the same file.
      identity: of the file.
    """

    def payload(now: State) -> TaskSkipped:
        request = now.outstanding.get(skipped.image_id)
        if request is None or not _is_for(skipped, request) or _answers(labels, request):
            raise _Answered
        return TaskSkipped(image_id=skipped.image_id, annotator=skipped.annotator, why=skipped.why)

    with suppress(_Answered):
        key = f"skip/{skipped.image_id}/{identity}"
        intake.ledger.commit("task_skipped", key, payload, fence=intake.fence)


def _is_for(skipped: Skipped, request: QueryItem) -> bool:
    """Return whether a skipped task is that of a request, as far as it names its regions."""
    told = parse_parts(skipped.regions)
    return not told or (request.tiles is not None and request.tiles.within(*told) == request.tiles)


def _answers(labels: Iterable[Label], request: QueryItem) -> bool:
    """Return whether labels of the image answer all that a request asks for."""
    left = request.tiles
    for label in labels:
        if label.tiles is None:
            return True
        left = left and left.without(label.tiles)
    return left is not None and not left.numbers

"""Finds out whether an export is known, and which of its labels are new."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

from components.contracts.ledger.events import Event, Label
from components.contracts.ledger.inbox import BY
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import LabelVersion, State
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.regions.tiles import Tiles
from components.feedback.resolution import resolutions, votes


def identity_of(file_name: str, by: str, data: bytes) -> str:
    """Return what identifies an export when it arrives again: a SHA-256, in hex.

    Only the name of a mask or a polygons file says which image it is for, and two images may have
    equal ones; the files in a zip have names of their own. And two people may hand in equal files.
    """
    head = "" if data.startswith(b"PK") else PurePosixPath(file_name).name
    if by:
        head = f"{BY}{by}/{head}\n"
    return hashlib.sha256(head.encode() + data).hexdigest()


def last_event(ledger: Ledger, state: State, key: str) -> tuple[str, Event | None]:
    """Return the key of a file's next event, and its last event, if it has one.

    Each key ends in the number of the event before it, so that all processes which ingest the same
    file at the same time mean the same event.
    """
    first, last = key, None
    while key in state.keys:
        last = ledger.events()[state.keys[key]]
        key = f"{first}/{last.number}"
    return key, last


def handed_in_again(state: State, labels: Sequence[Label]) -> list[Label]:
    """Return the labels of a known file that are news: they answer what was asked since, or revert.

    An undated label brings an annotator's earlier map back. A dated one is still the earlier one.
    """
    resolved = resolutions(state)
    back = []
    for label in _last_of_each(labels).values():
        people = _people(state, label, resolved)
        mine = _version_by(label.annotator, people)
        reverts = label.created_at is None and mine is not None and mine.sha256 != label.sha256
        if reverts or _waits(state, label):
            back.append(label)
    return back


def new_labels(state: State, labels: Sequence[Label], settings: FeedbackSettings) -> list[Label]:
    """Return the labels that change something: an export often repeats those of earlier ones."""
    new, resolved, last_of_each = [], None, _last_of_each(labels)
    for label in labels:
        if state.answers(label.image_id) and not _waits(state, label):
            resolved = resolutions(state) if resolved is None else resolved  # seldom needed, slow
            people = _people(state, label, resolved)
            mine = _version_by(label.annotator, people)
            # With "latest", confirming a map after somebody else changed it makes it count again.
            newest = people[-1] if people else None
            later = newest is None or (label.created_at or "") > newest.at
            again = settings.policy == "latest" and mine is not newest and later
            final = last_of_each[label.image_id, label.annotator, label.tiles].sha256
            if mine is not None and mine.sha256 == final and not again:
                continue
        new.append(label)
    return new


def _waits(state: State, label: Label) -> bool:
    """Return whether a label answers a request; of a region, one that is labeled already does not."""
    request = state.outstanding.get(label.image_id)
    if request is None or request.tiles is None or label.tiles is None:
        return request is not None and request.tiles == label.tiles
    return bool(request.tiles.within(label.tiles).numbers)


def _people(state: State, label: Label, resolved: Collection[int]) -> list[LabelVersion]:
    """Return each annotator's latest version of what a label is about: an image, or some regions of it."""
    versions = state.answers(label.image_id)
    return votes([v for v in versions if v.tiles == label.tiles], resolved)


def _version_by(annotator: str, versions: Sequence[LabelVersion]) -> LabelVersion | None:
    return next((v for v in versions if v.annotator == annotator), None)


def _last_of_each(labels: Sequence[Label]) -> dict[tuple[str, str, Tiles | None], Label]:
    """Return the last label by image (and regions) and annotator: of several, it is the one that counts."""
    return {(label.image_id, label.annotator, label.tiles): label for label in labels}

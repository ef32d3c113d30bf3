"""Settles in the ledger which label map of an image counts if several people labeled it.

Each annotator's map is a version of its own. If the newest version is not the one that the policy
wants, one more event decides: for `latest` the version that was changed last counts, for `consensus`
the majority of each annotator's latest version. This depends on the versions alone, not on the
files, the order or the cycles in which they arrived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from contextlib import suppress

from components.contracts.annotation.fields import DATA_SET
from components.contracts.annotation.model import Annotation
from components.contracts.ledger.events import Label, LabelsAccepted
from components.contracts.ledger.labels import read_label, store_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import LabelVersion, State
from components.contracts.storage.base import Storage
from components.feedback.consensus import (
    Agreements,
    Policy,
    joint_annotation,
    joint_name,
    latest_of_each,
    needs_majority,
)

RESOLVED = "resolved/"  # begins the keys of the events that settle what counts

_FILE_NAMES = {"latest": "the latest of several annotators", "consensus": "consensus of annotators"}


class _Changed(Exception):
    """Another process has changed what is to be settled."""


def resolutions(state: State) -> frozenset[int]:
    """Return the events that settle what counts; their versions are no annotator's own."""
    return frozenset(n for key, n in state.keys.items() if key.startswith(RESOLVED))


def votes(versions: Sequence[LabelVersion], resolved: Collection[int]) -> list[LabelVersion]:
    """Return each annotator's latest version, oldest first; equal times by order of arrival.

    The data set's own mask has no vote once a person has labeled the image: a person who was shown it has
    corrected it.
    """
    latest = latest_of_each((v for v in versions if v.number not in resolved), lambda v: v.at)
    return [v for v in latest if v.annotator != DATA_SET] or latest


def annotation_of(storage: Storage, version: LabelVersion) -> Annotation:
    """Read a version with its label map."""
    train_ids = read_label(storage, version.image_id, version.sha256)
    return Annotation(version.image_id, train_ids, version.annotator, version.at, version.blob)


def settle(ledger: Ledger, policy: Policy, fence: int | None) -> None:
    """Commit what counts wherever the newest version is not what the policy wants.

    Run it after an ingestion, and again after a kill: if everything is settled, it does nothing.

    Raises:
      StreetloopError: a stored label map is missing or damaged.
    """
    while pending := _unsettled(state := ledger.state(), policy):
        labels = [_settle_one(ledger.storage, people, policy) for people in pending.values()]
        # The same maps may win again after others did: the number of versions tells the two apart.
        lines = (
            f"{label.image_id} {label.sha256} {label.annotator} {len(state.labels[label.image_id])}\n"
            for label in labels
        )
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
        accepted = LabelsAccepted(
            file_sha256=digest, file_name=_FILE_NAMES[policy], labels=labels, refused=[]
        )

        def check(now: State, pending: dict[str, list[LabelVersion]] = pending) -> None:
            if _unsettled(now, policy) != pending:
                raise _Changed

        with suppress(_Changed):
            ledger.commit("labels_accepted", RESOLVED + digest, accepted, fence=fence, check=check)


def _unsettled(state: State, policy: Policy) -> dict[str, list[LabelVersion]]:
    """Return the votes on every image whose newest version is not what the policy wants, by id.

    Probes are left out: nothing changes their labels any more. So are images of which regions were labeled:
    in each region, what was drawn last counts (`State.label_parts`).
    """
    resolved = resolutions(state)
    unsettled = {}
    for image_id, versions in state.labels.items():
        if len(versions) == 1 or image_id in state.probes:
            continue
        if any(version.tiles is not None for version in versions):
            continue
        people, current = votes(versions, resolved), versions[-1]
        if needs_majority(policy, people):
            newer = any(v.number > current.number for v in people)
            name = joint_name(v.annotator for v in people)
            settled = current.number in resolved and current.annotator == name and not newer
        else:
            wanted = people[-1]
            settled = (current.sha256, current.annotator) == (wanted.sha256, wanted.annotator)
        if not settled:
            unsettled[image_id] = people
    return dict(sorted(unsettled.items()))


def _settle_one(storage: Storage, people: list[LabelVersion], policy: Policy) -> Label:
    """Return the label that counts of one image's votes."""
    latest = people[-1]
    if not needs_majority(policy, people):
        return Label(latest.image_id, latest.sha256, latest.annotator, created_at=latest.at)
    annotations = [annotation_of(storage, version) for version in people]
    winner, sums = joint_annotation(annotations), Agreements()
    sums.add(annotations, None)
    shares = [a.with_others for a in sums.list() if a.with_others is not None]
    return Label(
        image_id=latest.image_id,
        sha256=store_label(storage, latest.image_id, winner.train_ids),
        annotator=winner.annotator,
        agreement=sum(shares) / len(shares) if shares else None,
        created_at=latest.at,
    )

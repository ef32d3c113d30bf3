"""Several annotators of one image, in the ledger: which label map counts.

Every annotator's own map is a version of its own. Where the newest version is not the one that the
policy wants, one more event says what counts: for `latest` the version that was changed last, for
`consensus` the majority of each annotator's latest version. It follows from the versions alone, so
it does not matter in which files, in what order or in how many cycles they came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

from components.contracts.annotation.model import Annotation
from components.contracts.ledger.labels import read_label, store_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import LabelVersion, State
from components.contracts.storage.base import Storage
from components.feedback.consensus import (
    Agreements,
    Policy,
    is_joined,
    joined,
    joint_name,
    latest_of_each,
)

RESOLVED = "resolved/"  # begins the keys of the events that say what counts

_FILE_NAMES = {"latest": "the latest of several annotators", "consensus": "consensus of annotators"}


class _Changed(Exception):
    """Another process committed in between."""


def resolutions(state: State) -> frozenset[int]:
    """The events that say what counts; their versions are nobody's own."""
    return frozenset(n for key, n in state.keys.items() if key.startswith(RESOLVED))


def votes(versions: Sequence[LabelVersion], resolved: Collection[int]) -> list[LabelVersion]:
    """Each annotator's latest version, oldest first; of equal times, in the order they came."""
    return latest_of_each((v for v in versions if v.number not in resolved), lambda v: v.at)


def annotation_of(storage: Storage, version: LabelVersion) -> Annotation:
    """A version with its label map."""
    train_ids = read_label(storage, version.image_id, version.sha256)
    return Annotation(version.image_id, train_ids, version.annotator, version.at, version.blob)


def settle(ledger: Ledger, policy: Policy, fence: int | None) -> None:
    """Says what counts wherever the newest version is not what the policy wants.

    Run it after labels came in, and again after a kill: where all is settled, it does nothing.

    Raises:
      StreetloopError: a stored label map is gone or damaged.
    """
    while pending := _unsettled(state := ledger.state(), policy):
        labels = [_settled(ledger.storage, people, policy) for people in pending.values()]
        # The same maps may win again after others did: how many came before tells the two apart.
        lines = (
            f"{row['image_id']} {row['sha256']} {row['annotator']} "
            f"{len(state.labels[row['image_id']])}\n"
            for row in labels
        )
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
        payload = {
            "file_sha256": digest,
            "file_name": _FILE_NAMES[policy],
            "labels": labels,
            "refused": [],
        }

        def unchanged(
            now: State, pending: Any = pending, payload: dict[str, Any] = payload
        ) -> dict[str, Any]:
            if _unsettled(now, policy) != pending:
                raise _Changed
            return payload

        try:
            ledger.commit("labels_accepted", RESOLVED + digest, unchanged, fence=fence)
        except _Changed:
            continue


def _unsettled(state: State, policy: Policy) -> dict[str, list[LabelVersion]]:
    """The votes on every image whose newest version is not what the policy wants, by id."""
    resolved = resolutions(state)
    out = {}
    for image_id, versions in state.labels.items():
        if len(versions) == 1:
            continue
        people, current = votes(versions, resolved), versions[-1]
        if is_joined(policy, people):
            newer = any(v.number > current.number for v in people)
            name = joint_name(v.annotator for v in people)
            settled = current.number in resolved and current.annotator == name and not newer
        else:
            wanted = people[-1]
            settled = (current.sha256, current.annotator) == (wanted.sha256, wanted.annotator)
        if not settled:
            out[image_id] = people
    return dict(sorted(out.items()))


def _settled(storage: Storage, people: list[LabelVersion], policy: Policy) -> dict[str, Any]:
    latest = people[-1]
    row: dict[str, Any] = {"image_id": latest.image_id, "created_at": latest.at}
    if not is_joined(policy, people):
        return row | {"sha256": latest.sha256, "annotator": latest.annotator}
    annotations = [annotation_of(storage, version) for version in people]
    winner, sums = joined(annotations), Agreements()
    sums.add(annotations, None)
    shares = [a.with_others for a in sums.list() if a.with_others is not None]
    return row | {
        "sha256": store_label(storage, latest.image_id, winner.train_ids),
        "annotator": winner.annotator,
        "agreement": sum(shares) / len(shares) if shares else None,
    }

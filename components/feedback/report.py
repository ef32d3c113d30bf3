"""What came in with a cycle: accepted, refused, skipped, what to look at, and how people agree.

All of it is read from the ledger's events since the cycle was opened, so that a kill in the middle
of the ingestion changes nothing in it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np

from components.contracts.annotation import png_mask
from components.contracts.data.records import decode_mask
from components.contracts.ledger.events import Event, LabelsAccepted, Query, TaskSkipped
from components.contracts.ledger.labels import read_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.storage.base import Storage
from components.feedback.consensus import Agreements
from components.feedback.oracle import ANNOTATOR as ORACLE
from components.feedback.resolution import annotation_of, resolutions, votes
from tfds_cityscapes.labels import IGNORE_LABEL

_UNTOUCHED = "It is the prediction, with no pixel changed. Did the annotator look at it?"


def build(ledger: Ledger, since: int, settings: FeedbackSettings) -> dict[str, Any]:
    """The report on everything that came in after event `since`.

    Returns:
      {"accepted": [{"image_id", "annotator", "file"}], "resolved": [{"image_id", "annotator",
      "agreement"}] of several annotators, "refused": [{"name", "reason"}], "skipped": [{"image_id",
      "annotator", "why"}], "warnings": [{"image_id", "annotator", "reason"}], "agreement":
      [{"annotator", "images", "with_others", "with_prediction"}]: mean IoU, null where there is
      nothing to compare}. The oracle is not compared with anything.
    """
    events = ledger.events()
    resolved = resolutions(ledger.state())
    report: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("accepted", "resolved", "refused", "skipped")
    }
    shown: dict[str, str] = {}  # image id -> what its latest query showed
    came: dict[str, list[tuple[str, str]]] = {}  # image id -> annotator and hash of what came in
    outcomes: list[tuple[str, str, str]] = []
    for event in events:
        if isinstance(event.payload, Query):
            folder = f"queries/{event.payload.cycle}/predictions"
            for item in event.payload.items:
                shown[item.image_id] = f"{folder}/{png_mask.file_name(item.image_id)}"
        if event.number <= since:
            continue
        if event.number in resolved:
            for label in event.payload.labels:
                report["resolved"].append(
                    {
                        "image_id": label.image_id,
                        "annotator": label.annotator,
                        "agreement": label.agreement,
                    }
                )
                outcomes.append((label.image_id, label.annotator, label.sha256))
        else:
            _add_event(report, came, event)
    warnings, agreement = _compared(ledger, came, shown)
    for image_id, annotator, sha256 in outcomes:
        left = float(np.mean(read_label(ledger.storage, image_id, sha256) == IGNORE_LABEL))
        if left > settings.max_ignore:
            reason = (
                f"The annotators agree on {1 - left:.1%} of the pixels only. The rest is ignored."
            )
            warnings.append({"image_id": image_id, "annotator": annotator, "reason": reason})
    return {**report, "warnings": warnings, "agreement": agreement}


def _add_event(
    report: dict[str, list[dict[str, Any]]], came: dict[str, list[tuple[str, str]]], event: Event
) -> None:
    payload = event.payload
    if isinstance(payload, TaskSkipped):
        report["skipped"].append(payload.model_dump())
    if not isinstance(payload, LabelsAccepted):
        return
    report["refused"] += [r.model_dump() for r in payload.refused]
    for label in payload.labels:
        who, image_id = label.annotator, label.image_id
        report["accepted"].append(
            {"image_id": image_id, "annotator": who, "file": payload.file_name}
        )
        if who != ORACLE:
            came.setdefault(image_id, []).append((who, label.sha256))


def _compared(
    ledger: Ledger, came: dict[str, list[tuple[str, str]]], shown: dict[str, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The warnings, and the agreement over the images that came in; one image in memory."""
    storage, state = ledger.storage, ledger.state()
    resolved = resolutions(state)
    sums, warnings = Agreements(), []
    for image_id, versions in sorted(came.items()):
        prediction = _prediction(storage, shown.get(image_id))
        people = votes(state.labels[image_id], resolved)
        sums.add([annotation_of(storage, version) for version in people], prediction)
        if prediction is None:
            continue
        for annotator, sha256 in dict.fromkeys(versions):
            if np.array_equal(read_label(storage, image_id, sha256), prediction):
                warnings.append(
                    {"image_id": image_id, "annotator": annotator, "reason": _UNTOUCHED}
                )
    return warnings, [asdict(row) for row in sums.list()]


def _prediction(storage: Storage, name: str | None) -> np.ndarray | None:
    """The prediction that a task showed, or None: a cold start shows none."""
    if name is None:
        return None
    with suppress(FileNotFoundError):
        return decode_mask(storage.read(name))
    return None

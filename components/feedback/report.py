"""The labels that arrived with a cycle: accepted, refused, skipped, to check, and their agreement.

All of it is read from the ledger's events since the cycle was opened, so that a kill in the middle
of the ingestion changes nothing in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from components.contracts.annotation import png_mask
from components.contracts.annotation.model import Annotation
from components.contracts.data.records import decode_mask
from components.contracts.ledger import layout
from components.contracts.ledger.events import Label, LabelsAccepted, TaskSkipped
from components.contracts.ledger.labels import read_label, read_parts, within
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import LabelVersion, parts_of
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.step.report import (
    AcceptedLabel,
    AnnotatorAgreement,
    LabelsReport,
    LabelWarning,
    ProbeScore,
    RejectedLabel,
    ResolvedLabel,
    SkippedTask,
)
from components.contracts.storage.base import Storage
from components.feedback.consensus import Agreements
from components.feedback.oracle import ANNOTATOR as ORACLE
from components.feedback.resolution import annotation_of, resolutions, votes
from tfds_cityscapes.labels import IGNORE_LABEL

_UNTOUCHED = "It equals the prediction in every pixel. Did the annotator look at it?"


def build(
    ledger: Ledger, since: int, settings: FeedbackSettings, probes: Sequence[ProbeScore] = ()
) -> LabelsReport:
    """Report everything that arrived after event `since`. The oracle is compared with nobody.

    `probes`: how well the annotators answered the probes so far.
    """
    resolved = resolutions(ledger.state())
    new = [event for event in ledger.events() if event.number > since]
    outcomes = [label for e in new if e.number in resolved for label in e.payload.labels]
    files = files_since(ledger, since)
    labels = [(file.file_name, label) for file in files for label in file.labels]
    people = [label for _, label in labels if label.annotator != ORACLE]
    warnings, agreement = _compare(ledger, people)
    warnings += _disputed(ledger.storage, outcomes, settings.max_ignore)
    return LabelsReport(
        accepted=[
            AcceptedLabel(image_id=label.image_id, annotator=label.annotator, file=name)
            for name, label in labels
        ],
        resolved=[ResolvedLabel.model_validate(o, from_attributes=True) for o in outcomes],
        refused=[
            RejectedLabel(name=r.name, reason=r.reason, file=f.file_name)
            for f in files
            for r in f.refused
        ],
        skipped=[
            SkippedTask.model_validate(e.payload, from_attributes=True)
            for e in new
            if isinstance(e.payload, TaskSkipped)
        ],
        warnings=warnings,
        agreement=agreement,
        probes=list(probes),
    )


def files_since(ledger: Ledger, since: int) -> list[LabelsAccepted]:
    """Return what arrived after event `since`, file by file; joint labels do not arrive."""
    resolved = resolutions(ledger.state())
    return [
        e.payload
        for e in ledger.events()
        if e.number > since and isinstance(e.payload, LabelsAccepted) and e.number not in resolved
    ]


def _disputed(storage: Storage, outcomes: list[Label], max_ignore: float) -> list[LabelWarning]:
    """Warn of joint labels that leave more than `max_ignore` of the pixels undecided."""
    warnings = []
    for label in outcomes:
        left = np.mean(read_label(storage, label.image_id, label.sha256) == IGNORE_LABEL)
        if left > max_ignore:
            reason = (
                f"The annotators agree on only {1 - left:.1%} of the pixels. The rest is ignored."
            )
            warnings.append(_warning(label, reason))
    return warnings


def _compare(
    ledger: Ledger, labels: list[Label]
) -> tuple[list[LabelWarning], list[AnnotatorAgreement]]:
    """Compare people's labels with each other and with predictions, one image in memory at a time."""
    storage, state = ledger.storage, ledger.state()
    resolved = resolutions(state)
    by_image: defaultdict[str, list[Label]] = defaultdict(list)
    for label in labels:
        by_image[label.image_id].append(label)
    sums, warnings = Agreements(), []
    for image_id, versions in sorted(by_image.items()):
        prediction = _prediction(storage, image_id, state.asked.get(image_id))
        answers = [v for v in state.answers(image_id) if v.number not in resolved]
        sums.add([_joined(storage, latest, answers) for latest in votes(answers, ())], prediction)
        if prediction is None:
            continue
        for label in {(v.annotator, v.sha256): v for v in versions}.values():
            shown_there = within(prediction, label.tiles)  # some regions of a task may still wait
            if np.array_equal(read_label(storage, image_id, label.sha256), shown_there):
                warnings.append(_warning(label, _UNTOUCHED))
    return warnings, sums.list()


def _joined(storage: Storage, latest: LabelVersion, answers: Sequence[LabelVersion]) -> Annotation:
    """Return all that the annotator of a version says of its image: regions come with several answers."""
    annotation = annotation_of(storage, latest)
    if latest.tiles is None:
        return annotation
    own = tuple(version for version in answers if version.annotator == latest.annotator)
    return replace(annotation, train_ids=read_parts(storage, parts_of(own)))


def _warning(label: Label, reason: str) -> LabelWarning:
    return LabelWarning(image_id=label.image_id, annotator=label.annotator, reason=reason)


def _prediction(storage: Storage, image_id: str, cycle: int | None) -> np.ndarray | None:
    """Return the prediction that the task of a cycle showed; None after a cold start, which shows none.

    Args:
      storage: the campaign root.
      image_id: the image of the task.
      cycle: that asked for the image last; None if none did.
    """
    if cycle is None:
        return None
    with suppress(FileNotFoundError):
        return decode_mask(
            storage.read(f"{layout.shown_predictions(cycle)}/{png_mask.file_name(image_id)}")
        )
    return None

"""Probes: compare what people answered with masks that the data set has."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from components.contracts.ledger.labels import read_label
from components.contracts.ledger.ledger import Ledger
from components.contracts.scores.confusion import confusion_matrix
from components.contracts.scores.metrics import mean_iou, pixel_accuracy
from components.contracts.step.report import ProbeScore
from components.feedback.resolution import votes
from tfds_cityscapes.labels import IGNORE_LABEL, NUM_CLASSES
from tfds_cityscapes.source import Source, SourceError

log = logging.getLogger("streetloop")


@dataclass
class _Sum:
    """What one annotator answered so far.

    Attributes:
      images: probes.
      known: pixels of the masks that have a class.
      confusion: int64 [19, 19] over those that the annotator labeled; rows are the truth.
    """

    images: int = 0
    known: int = 0
    confusion: np.ndarray = field(default_factory=lambda: np.zeros([NUM_CLASSES] * 2, np.int64))

    def add(self, truth: np.ndarray, answer: np.ndarray) -> None:
        """Add an answer: uint8 [H, W] of train ids each."""
        self.images += 1
        self.known += int((truth != IGNORE_LABEL).sum())
        both = np.where(answer == IGNORE_LABEL, IGNORE_LABEL, truth)
        self.confusion += confusion_matrix(both, answer)

    def score(self, annotator: str) -> ProbeScore:
        """Return the scores."""
        labeled = int(self.confusion.sum())
        return ProbeScore(
            annotator=annotator,
            images=self.images,
            labeled=labeled / self.known if self.known else 0.0,
            miou=mean_iou(self.confusion),
            pixel_accuracy=pixel_accuracy(self.confusion),
        )


def score_probes(ledger: Ledger, open_source: Callable[[], Source]) -> list[ProbeScore]:
    """Score the newest answer of every annotator to every probe, sorted by annotator.

    A probe whose mask the data set has no longer, or in another size, is left out.

    Args:
      ledger: the campaign's.
      open_source: opens the data set; called only if there are answers.
    """
    answered = {i: answers for i, answers in ledger.state().probes.items() if answers}
    if not answered:
        return []
    source = open_source()
    items = {item.image_id: item for item in source.items}
    sums: dict[str, _Sum] = {}
    for image_id, answers in sorted(answered.items()):
        try:
            truth = source.read_label(items[image_id])
        except (KeyError, SourceError) as error:
            log.warning("The probe %s is left out: its mask cannot be read (%s).", image_id, error)
            continue
        for version in votes(answers, ()):
            answer = read_label(ledger.storage, image_id, version.sha256)
            if answer.shape != truth.shape:
                log.warning("The probe %s is left out: its mask has another size now.", image_id)
                break
            sums.setdefault(version.annotator, _Sum()).add(truth, answer)
    return [sums[name].score(name) for name in sorted(sums)]

"""The report of a cycle, `report.json`: the truth about its numbers. MLflow gets a copy.

Fractions in [0, 1], not percent; null where undefined or not done.
"""

from __future__ import annotations

import logging
from typing import Literal

from pydantic import Field

from components.contracts.forecast.forecast import Forecast
from components.contracts.forecast.stability import Stability
from components.contracts.ledger.events import Outcome
from components.contracts.ledger.state import CycleState
from components.contracts.scores.drift import Drift
from components.contracts.scores.report import (
    Baseline,
    Count,
    Evaluation,
    Fraction,
    SplitScores,
    Stored,
)
from components.contracts.storage.base import Storage

log = logging.getLogger("streetloop")


class AcceptedLabel(Stored):
    """A label that was accepted, and the file that it came in."""

    image_id: str
    annotator: str
    file: str


class ResolvedLabel(Stored):
    """The label that counts where several annotators labeled one image; `agreement` is a mean IoU."""

    image_id: str
    annotator: str
    agreement: float | None


class RejectedLabel(Stored):
    """A label or file that was rejected, the reason in words, and the file that held it.

    `file` is "data set" for the data set's own masks, and empty in reports of earlier versions.
    """

    name: str
    reason: str
    file: str = ""


class SkippedTask(Stored):
    """An image that an annotator could not label."""

    image_id: str
    annotator: str
    why: str


class LabelWarning(Stored):
    """An accepted label that somebody should look at."""

    image_id: str
    annotator: str
    reason: str


class AnnotatorAgreement(Stored):
    """The mean IoU of one annotator with the others and with the predictions that tasks showed."""

    annotator: str
    images: Count
    with_others: float | None
    with_prediction: float | None


class ProbeScore(Stored):
    """How well one annotator answered all probes so far, against the masks of the data set.

    Attributes:
      images: probes that the annotator answered.
      labeled: the share of the masks' pixels that the annotator labeled; the scores are over these.
      miou: mean IoU over the classes that occur in the masks; null if nothing was labeled.
      pixel_accuracy: the share of the pixels whose class is right; null if nothing was labeled.
    """

    annotator: str
    images: Count
    labeled: Fraction
    miou: Fraction | None
    pixel_accuracy: Fraction | None


class LabelsReport(Stored):
    """What arrived since the cycle was opened, and the probes so far. The oracle is compared with nobody."""

    accepted: list[AcceptedLabel]
    resolved: list[ResolvedLabel]
    refused: list[RejectedLabel]
    skipped: list[SkippedTask]
    warnings: list[LabelWarning]
    agreement: list[AnnotatorAgreement]
    probes: list[ProbeScore] = Field(default_factory=list)


class RegionCounts(Stored):
    """What was labeled and asked for where a campaign asks for regions.

    Attributes:
      labeled: regions; a whole labeled image counts as all of its regions.
      share: of the pool's area that is labeled; null if the cycle did not train.
      queried: regions that its query asks for.
    """

    labeled: Count
    share: Fraction | None
    queried: Count


class CycleReport(Stored):
    """One cycle's numbers.

    Attributes:
      format: of this file; a change of meaning gets the next number.
      labeled, unlabeled: images that it trained on; `unlabeled` is null if it did not train.
      new_labels: labeled images that no earlier training had seen.
      feedback: what arrived; null if nothing was ingested.
      queried: images that its query asks for.
      regions: the same in regions, if the campaign asks for these; null if it asks for whole images.
      seconds, seconds_by_step: wall time of the steps.
      waiting_for_data: share of the training's time spent waiting for images.
      records: the folder of its records.
      model: the id of its model.
      promoted, reasons: the gate's decision.
      champion: the champion's id at the close.
      dev, val, baseline: the evaluation of its own model.
      drift: the pool against the labeled images, as its query saw both; null if it did not look.
      stability: how far its model agrees with the one before on the pool; null without a comparison.
      forecast: how many more labels the target takes; null if it did not train.
    """

    format: Literal[1] = 1  # reports of 0.1 before the first release have none
    cycle: Count
    outcome: Outcome
    labeled: Count
    unlabeled: Count | None
    new_labels: Count
    feedback: LabelsReport | None
    queried: Count
    regions: RegionCounts | None = None
    seconds: float
    seconds_by_step: dict[str, float]
    waiting_for_data: Fraction | None
    records: str | None
    model: str | None
    promoted: bool | None
    reasons: list[str]
    champion: str | None
    dev: SplitScores | None
    val: SplitScores | None
    baseline: Baseline | None
    drift: Drift | None = None
    stability: Stability | None = None
    forecast: Forecast | None = None

    @property
    def labels(self) -> int:
        """The labeled images or, where regions are asked for, the labeled regions: the x of its curves."""
        return self.labeled if self.regions is None else self.regions.labeled

    @property
    def evaluation(self) -> Evaluation | None:
        """The evaluation of the cycle's model; None if it did not train."""
        if self.dev is None or self.val is None or self.baseline is None or self.promoted is None:
            return None
        return Evaluation(
            dev=self.dev,
            val=self.val,
            baseline=self.baseline,
            promoted=self.promoted,
            reasons=self.reasons,
        )


def report_of(storage: Storage, cycle: CycleState) -> CycleReport | None:
    """Read the report of a cycle; None if it has none, is open, or somebody deleted the report."""
    if cycle.report is None:
        return None
    try:
        return CycleReport.model_validate_json(storage.read(cycle.report))
    except FileNotFoundError:
        log.warning("The report of cycle %d is gone: %s.", cycle.cycle, cycle.report)
        return None

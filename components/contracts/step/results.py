"""The results of the steps: what a done marker keeps, and what the next steps and the close read."""

from __future__ import annotations

from pydantic import Field

from components.contracts.scores.drift import Drift
from components.contracts.scores.report import Count, Evaluation, Fraction, Stored
from components.contracts.step.plan import Plan


class FeedbackResult(Stored):
    """The result of ingesting labels.

    Attributes:
      plan: what the cycle does next.
      labeled: images with a label.
      new_labels: labeled images that no training has seen.
      waiting: images asked for and not answered.
      version: the ledger's last event.
      records: the folder of the records.
      report: the HTML page on the labels.
    """

    plan: Plan
    labeled: Count
    new_labels: Count
    waiting: Count
    version: int
    records: str
    report: str


class SplitResult(Stored):
    """The result of joining labels to records: the folder, and how many images are in each part."""

    prefix: str
    labeled: Count
    unlabeled: Count


class TrainResult(Stored):
    """The result of a fit.

    Attributes:
      model: the model's id, the name of its folder.
      steps: optimizer steps made.
      best_step: the step whose weights were kept.
      dev_miou: their mIoU on `dev`; None without `dev`.
      waiting_for_data: share of the steps' time spent waiting for images.
      parameters: of the generator.
      precision: the number format, which `auto` has chosen; None if an older version trained.
    """

    model: str
    steps: Count
    best_step: Count
    dev_miou: Fraction | None
    waiting_for_data: Fraction
    parameters: Count
    precision: str | None = None


class EvaluateResult(Evaluation):
    """The result of an evaluation; `report` is its HTML page."""

    report: str


class QueryResult(Stored):
    """The result of a query.

    Attributes:
      asked: how many images it asks for.
      regions: how many regions of them; None if it asks for whole images.
      prefix: the folder of the tasks, if any.
      drift: the pool against the labeled images; None if no model has looked at both.
    """

    asked: Count
    prefix: str | None
    drift: Drift | None = None
    regions: Count | None = None


class LookResult(Stored):
    """The result of looking at a part of the images that a query ranks.

    Attributes:
      images: how many.
      facts: the file of what the model says of them.
      sample: the file of its predictions for those in the cycle's sample; None if the cycle has trained
        another model.
    """

    images: Count
    facts: str
    sample: str | None


class Results(Stored):
    """The results of a cycle's steps, as far as they are done; `seconds` by step."""

    feedback: FeedbackResult | None = None
    split: SplitResult | None = None
    train: TrainResult | None = None
    evaluate: EvaluateResult | None = None
    query: QueryResult | None = None
    seconds: dict[str, float] = Field(default_factory=dict)

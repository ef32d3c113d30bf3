"""The result of one fit, as `result.json` holds it, and what an interrupted fit keeps."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from components.contracts.recipe.train import TrainSettings
from components.contracts.scores.report import Count, Fraction, Headline


class SplitScores(Headline):
    """The scores on one split at native size.

    Attributes:
      images: how many were scored.
      classes: the IoU of each class that occurs.
    """

    images: Count
    classes: dict[str, Fraction | None]


class FitProgress(BaseModel):
    """What is known at a checkpoint.

    Attributes:
      seconds: of training that went into the checkpoint, over all interruptions.
      history: losses and scores on dev by step; a score that is undefined is NaN.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")

    seconds: float = 0.0
    history: dict[str, dict[str, float]] = {}


class FitResult(FitProgress):
    """The result of a fit.

    Attributes:
      labeled: the ids of the labeled images.
      unlabeled: how many images without a label it used.
      waiting_for_data: the share of the steps' time in which the model waited for images.
      scores: by split.
      at_ms: when it first started, in milliseconds since 1970.
    """

    variant: str
    seed: int
    settings: TrainSettings
    labeled: list[str]
    unlabeled: Count
    steps: Count
    best_step: Count
    waiting_for_data: float
    git_sha: str
    scores: dict[str, SplitScores]
    at_ms: int

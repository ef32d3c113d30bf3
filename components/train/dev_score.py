"""Score the averaged model on dev as it would be saved, and keep the best."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.contracts.model.predictions import score
from components.contracts.model.predictor import Predictor
from components.contracts.recipe.train import TrainSettings
from components.contracts.scores.metrics import mean_dice, mean_iou, pixel_accuracy
from components.train.input.data import Data
from components.train.networks.networks import Networks
from components.train.settle import settle


@dataclass
class BestModel:
    """The best model so far.

    Attributes:
      miou: its mean IoU on dev; None before the first score, and where dev has no labeled pixel.
      step: the step after which it was scored.
      since: scores after it, none of which was better.
      weights: as `keras.Model.get_weights` returns them.
    """

    miou: float | None = None
    step: int = 0
    since: int = 0
    weights: list[np.ndarray] = field(default_factory=list)

    def replace_if_better(self, miou: float | None, step: int, networks: Networks) -> None:
        """Keep the candidate if its score is higher, or if no score compares the two."""
        self.since += 1
        if miou is None or self.miou is None or miou > self.miou:
            self.miou, self.step, self.since = miou, step, 0
            self.weights = networks.candidate.get_weights()

    def is_final(self, patience: int) -> bool:
        """Return whether to stop early: `patience` scores were not better (0: never stop)."""
        return 0 < patience <= self.since

    def numbers(self) -> dict[str, Any]:
        """Return everything but the weights, as JSON."""
        return {"miou": self.miou, "best_step": self.step, "since": self.since}

    def restore(self, numbers: dict[str, Any], weights: list[np.ndarray]) -> None:
        """Take over what a checkpoint holds."""
        self.miou, self.step, self.since = (numbers[k] for k in ("miou", "best_step", "since"))
        self.weights = weights


def score_on_dev(
    networks: Networks, predictor: Predictor, data: Data, settings: TrainSettings, seed: int
) -> dict[str, float]:
    """Make the averaged model the candidate, settle its statistics and score it on dev.

    Returns:
      dev/miou, dev/pixel_accuracy and dev/dice, in [0, 1]; none where dev has no labeled pixel.
    """
    networks.average_into_candidate()
    settle(networks.candidate, data, settings, seed)
    if not data.dev:
        return {}
    confusion = score(predictor, data.records, data.dev)
    scores = {
        "dev/miou": mean_iou(confusion),
        "dev/pixel_accuracy": pixel_accuracy(confusion),
        "dev/dice": mean_dice(confusion),
    }
    return {name: value for name, value in scores.items() if value is not None}

"""One fit from records on a disk: for the step, for the command, and for an ablation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from components.contracts.data.records import Records
from components.contracts.process.errors import StreetloopError
from components.contracts.process.progress import Progress
from components.contracts.recipe.train import TrainSettings
from components.train.checkpoint import Checkpoint
from components.train.devices import strategy_for
from components.train.fit import Fit, fit
from components.train.input.data import Data

log = logging.getLogger("streetloop")


def fit_records(
    records: Records,
    labeled: Records,
    unlabeled: list[str],
    settings: TrainSettings,
    seed: int,
    checkpoint: Checkpoint,
    report: Callable[[int, dict[str, float]], None] = lambda step, metrics: None,
    start: Any = None,
) -> tuple[Fit, Data]:
    """Fit a generator and a discriminator, showing progress; resume from the checkpoint.

    Args:
      records: the whole data set.
      labeled: records with labels.
      unlabeled: ids of `records`.
      settings: everything about the fit.
      seed: of weights, order and augmentation.
      checkpoint: where the state is kept.
      report: called with the step and its metrics, after they are logged.
      start: a generator whose weights to begin with.

    Raises:
      StreetloopError: there is no labeled image, or no such GPU, or a loss is not finite.
    """
    strategy = strategy_for(settings.gpus)
    data = Data.of(labeled, records, unlabeled, settings)
    if not len(data.labeled):
        raise StreetloopError("No labeled image to train on. Hand in labels, then run again.")

    def log_and_report(step: int, metrics: dict[str, float]) -> None:
        log.info("step %d: %s", step, ", ".join(f"{k} {v:.4f}" for k, v in metrics.items()))
        report(step, metrics)

    progress = Progress("train", "steps", settings.steps).update
    return fit(data, settings, seed, checkpoint, start, log_and_report, progress, strategy), data

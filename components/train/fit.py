"""Fit the networks to labeled and unlabeled images, resumable at any step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.contracts.model.predictor import Predictor
from components.contracts.recipe.train import TrainSettings
from components.train.alarm import check_loss_scale, collapse_warning, finite_means
from components.train.checkpoint import Checkpoint
from components.train.dev_score import BestModel, score_on_dev
from components.train.devices import distribute
from components.train.input.data import Data
from components.train.input.stream import batches
from components.train.interrupt import InterruptedFit, stop_signals
from components.train.networks.networks import Networks, build_networks
from components.train.objectives.class_weights import log_weights
from components.train.precision import choose_precision
from components.train.schedule import learning_rate_factor
from components.train.train_step import make_train_step
from components.train.waiting import WaitingClock

log = logging.getLogger("streetloop")
_PROGRESS_EVERY = 10  # steps


@dataclass
class Fit:
    """A finished fit.

    Attributes:
      networks: trained; `networks.to_save()` returns the best model.
      dev_miou: of the best model; None without a labeled pixel on dev.
      best_step: the step after which the best model was scored.
      steps: that were trained.
      seconds: since this process began with the fit.
      waiting: share of the steps' time in which the model waited for images.
      precision: the number format.
    """

    networks: Networks
    dev_miou: float | None
    best_step: int
    steps: int
    seconds: float
    waiting: float
    precision: str


def fit(
    data: Data,
    settings: TrainSettings,
    seed: int,
    checkpoint: Checkpoint,
    start: keras.Model | None = None,
    report: Callable[[int, dict[str, float]], None] = lambda step, metrics: None,
    progress: Callable[[int, str], None] = lambda step, text: None,
    strategy: tf.distribute.Strategy | None = None,
) -> Fit:
    """Train the networks; resume from the checkpoint if there is one.

    Args:
      data: the images.
      settings: everything about the fit.
      seed: of weights, order and augmentation.
      checkpoint: where the state is kept.
      start: a generator with whose weights to begin.
      report: called with the step and its losses and dev metrics, every `dev_every` steps.
      progress: called every few steps with a few words.
      strategy: how a step is spread over devices (`devices.strategy_for`); None for one device.

    Raises:
      StreetloopError: a loss or a gradient is not finite; the message names the term and the step.
      InterruptedFit: SIGTERM came.
    """
    keras.utils.set_random_seed(seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    class_weights = _class_weights(data, settings)
    if settings.precision == "auto":
        settings = _measured(settings, data, seed, class_weights, checkpoint, strategy, progress)
    networks = build_networks(settings, start, strategy)
    train_step = make_train_step(networks, settings, class_weights, seed)
    best, clock = BestModel(), WaitingClock()
    step = first = _restore(checkpoint, networks, best)
    images = iter(
        distribute(batches(data.labeled, data.unlabeled, settings, seed, first), networks.strategy)
    )
    predictor = Predictor(networks.candidate)
    rows: list[dict[str, Any]] = []  # metrics of the steps since the last report
    started = time.monotonic()
    with stop_signals() as stop_requested:
        while step < settings.steps and not best.is_final(settings.patience):
            batch = clock.next_batch(images)
            factor = learning_rate_factor(step, settings.steps, settings.optimizer)
            networks.set_learning_rates(factor, settings)
            rows.append(train_step(batch, tf.constant(step, tf.int32)))
            step += 1

            scoring = step % settings.dev_every == 0 or step == settings.steps
            stopping = stop_requested.is_set()  # read once: a later signal ends the next step
            saving = scoring or stopping or step % settings.checkpoint_every == 0
            looking = saving or step % _PROGRESS_EVERY == 0
            if looking:  # on a GPU this waits for the steps, which return before they are done
                rows = [{name: float(value) for name, value in row.items()} for row in rows]
            clock.end_step()

            if looking:
                means = finite_means(rows, step, networks.loss_scale())  # before the state is saved
                check_loss_scale(networks.loss_scale(), step)
                progress(step, f"loss {means['supervised_loss']:.3f}")
            if scoring:
                scores = score_on_dev(networks, predictor, data, settings, seed)
                best.replace_if_better(scores.get("dev/miou"), step, networks)
                report(step, means | scores)
                if warning := collapse_warning(means):
                    log.warning("step %d: %s", step, warning)
                rows = []
            if saving:
                groups = networks.state() | {"best": best.weights}
                numbers = {"step": step, "precision": settings.precision}
                checkpoint.save(groups, numbers | best.numbers())
            if stopping:
                raise InterruptedFit
    seconds = time.monotonic() - started
    networks.candidate.set_weights(best.weights)
    clock.log_share()
    return Fit(networks, best.miou, best.step, step, seconds, clock.share, settings.precision)


def _class_weights(data: Data, settings: TrainSettings) -> np.ndarray | None:
    offset = settings.objectives.log_offset
    return None if offset is None else log_weights(data.labeled.pixel_counts(), offset)


def _measured(
    settings: TrainSettings,
    data: Data,
    seed: int,
    class_weights: np.ndarray | None,
    checkpoint: Checkpoint,
    strategy: tf.distribute.Strategy | None,
    progress: Callable[[int, str], None],
) -> TrainSettings:
    """Return the settings with the precision that is faster here, or that an interrupted fit has."""
    precision = (checkpoint.meta() or {}).get("precision")
    if precision is None:
        spread = strategy or tf.distribute.get_strategy()
        stream = batches(data.labeled, data.unlabeled, settings, seed, 0)
        batch = next(iter(distribute(stream, spread)))
        precision = choose_precision(settings, batch, class_weights, strategy, progress)
        keras.utils.set_random_seed(seed)
    return settings.model_copy(update={"precision": precision})


def _restore(checkpoint: Checkpoint, networks: Networks, best: BestModel) -> int:
    """Restore the state of an interrupted fit; return the step to begin with."""
    numbers = checkpoint.load(networks.state())
    if numbers is None:
        return 0
    best.restore(numbers, checkpoint.arrays("best"))
    log.info("Resuming from step %d.", numbers["step"])
    return numbers["step"]

"""The fit: from labeled and unlabeled images to a generator, resumable at any step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from components.contracts.model.predictor import Predictor
from components.contracts.recipe.train import TrainSettings
from components.train.alarm import check_loss_scale, collapse_warning, finite_means
from components.train.checkpoint import Checkpoint
from components.train.dev_score import Kept, score_on_dev
from components.train.devices import shared_out
from components.train.input.data import Data
from components.train.input.stream import batches
from components.train.interrupt import InterruptedFit, sigterm
from components.train.networks.networks import Networks, build_networks
from components.train.objectives.class_weights import log_weights
from components.train.schedule import learning_rate_factor
from components.train.train_step import make_train_step

log = logging.getLogger("streetloop")
_BUSY = 0.05  # share of waiting for images above which the fit says so


@dataclass
class Fit:
    """A finished fit. The model to save is `networks.candidate`."""

    networks: Networks
    dev_miou: float | None
    best_step: int
    steps: int
    seconds: float
    waiting: float  # share of the steps' time in which the model waited for images


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
    """Trains the networks; goes on from the checkpoint if there is one.

    Args:
      data: the images.
      settings: everything about the fit.
      seed: of weights, order and augmentation.
      checkpoint: where the state is kept.
      start: a generator whose weights to begin with.
      report: called with the step and its losses and dev metrics, every `dev_every` steps.
      progress: called every few steps with a few words.
      strategy: how a step is spread over devices (`devices.strategy_for`); None for one device.

    Raises:
      StreetloopError: a loss is not finite; the message names the term and the step.
      InterruptedFit: SIGTERM came.
    """
    keras.utils.set_random_seed(seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    networks = build_networks(settings, start, strategy)
    weights = None
    if settings.objectives.class_weights == "log":
        counts = data.labeled.pixel_counts()
        weights = log_weights(counts, settings.objectives.class_weights_offset)
    train_step = make_train_step(networks, settings, weights, seed)
    best = Kept()
    first = _resume(checkpoint, networks, best)
    if first:
        log.info("going on from step %d", first)
    images = batches(data.labeled, data.unlabeled, settings, seed, first)
    iterator = iter(shared_out(images, networks.strategy))
    predictor = Predictor(networks.candidate)
    losses: list[dict[str, Any]] = []
    started, waited, stepped, step = time.monotonic(), 0.0, 0.0, first
    with sigterm() as asked_to_stop:
        while step < settings.steps and not _bored(best, settings):
            at = time.monotonic()
            batch = next(iterator)
            got = time.monotonic()
            networks.set_learning_rates(
                learning_rate_factor(step, settings.steps, settings.optimizer), settings
            )
            losses.append(train_step(batch, tf.constant(step, tf.int32)))
            step += 1
            at_score = step % settings.dev_every == 0 or step == settings.steps
            stopping = asked_to_stop.is_set()  # asked once: a later signal ends the next step
            save = at_score or stopping or step % settings.checkpoint_every == 0
            look = save or step % 10 == 0
            if look:  # on a GPU this waits for the steps, which return before they are done
                losses = [{k: float(v) for k, v in row.items()} for row in losses]
            if step > first + 1:  # the first one is traced, which takes as long as dozens
                waited += got - at
                stepped += time.monotonic() - at
            if look:
                means = finite_means(losses, step)  # before the state is saved
                check_loss_scale(networks.loss_scale(), step)
                progress(step, f"loss {means['supervised_loss']:.3f}")
            if at_score:
                metrics = means | score_on_dev(
                    networks, predictor, data, settings, seed, best, step
                )
                report(step, metrics)
                alarm = collapse_warning(means)
                if alarm:
                    log.warning("step %d: %s", step, alarm)
                losses = []
            if save:
                _save(checkpoint, networks, best, step)
            if stopping:
                raise InterruptedFit
    seconds = time.monotonic() - started
    networks.candidate.set_weights(best.weights)
    waiting = waited / stepped if stepped else 0.0
    _tell_waiting(waiting)
    return Fit(networks, best.miou if data.dev else None, best.step, step, seconds, waiting)


def _tell_waiting(share: float) -> None:
    log.info("%.1f %% of the steps' time went by waiting for images", 100 * share)
    if share > _BUSY:
        log.warning(
            "The model waited for images for %.0f %% of the steps' time (expected: at most %.0f %%). Give "
            "the step more CPU cores, or store smaller images (data.size).",
            100 * share,
            100 * _BUSY,
        )


def _bored(best: Kept, settings: TrainSettings) -> bool:
    return bool(settings.patience) and best.since >= settings.patience


def _save(checkpoint: Checkpoint, networks: Networks, best: Kept, step: int) -> None:
    groups = networks.state() | {"best": best.weights}
    meta = {"step": step, "miou": best.miou, "best_step": best.step, "since": best.since}
    checkpoint.save(groups, meta)


def _resume(checkpoint: Checkpoint, networks: Networks, best: Kept) -> int:
    """The step to begin with."""
    meta = checkpoint.load(networks.state())
    if meta is None:
        return 0
    best.miou, best.step, best.since = meta["miou"], meta["best_step"], meta["since"]
    best.weights = checkpoint.arrays("best")
    return meta["step"]

"""The fit: from labeled and unlabeled images to a generator, resumable at any step."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.contracts.errors import StreetloopError
from components.contracts.inference import Predictor, score
from components.contracts.metrics import mean_dice, mean_iou, pixel_accuracy
from components.contracts.records import Records
from components.train.alarm import collapse_warning
from components.train.augment import weak
from components.train.checkpoint import Checkpoint
from components.train.class_weights import log_weights
from components.train.fit_settings import AugmentSettings, TrainSettings
from components.train.networks import Networks, build_networks
from components.train.schedule import learning_rate_factor
from components.train.stream import Pool, batches
from components.train.train_step import make_train_step

log = logging.getLogger("streetloop")
_SETTLE = 2  # stream of the images that batch-norm statistics are taken from


class InterruptedFit(SystemExit):
    """SIGTERM came: the state is saved, and the next start goes on from it."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


@dataclass
class Data:
    """What a fit learns from, and what it is measured on (`dev`; may be empty)."""

    labeled: Pool
    unlabeled: Pool | None
    records: Records
    dev: list[str]

    @classmethod
    def of(
        cls, labeled: Records, records: Records, unlabeled: list[str], settings: TrainSettings
    ) -> Data:
        """Opens what `split` wrote: labeled records, and the ids of the unlabeled ones.

        Args:
          labeled: records with labels.
          records: the whole data set.
          unlabeled: ids of `records`; not drawn if `unlabeled_batch_size` is 0.
          settings: of the fit.
        """
        use_unlabeled = bool(unlabeled) and settings.unlabeled_batch_size > 0
        return cls(
            Pool(labeled, labeled.ids("train")),
            Pool(records, unlabeled) if use_unlabeled else None,
            records,
            records.ids("dev"),
        )


@dataclass
class Kept:
    """The best model so far: its weights, and its mean IoU on dev."""

    miou: float = -1.0
    step: int = 0
    since: int = 0  # scores on dev without a better one
    weights: list[np.ndarray] = field(default_factory=list)


@dataclass
class Fit:
    """A finished fit."""

    networks: Networks
    dev_miou: float | None
    best_step: int
    steps: int
    seconds: float
    waiting: float  # share of the time in which the model waited for images


def fit(
    data: Data,
    settings: TrainSettings,
    seed: int,
    checkpoint: Checkpoint,
    start: keras.Model | None = None,
    report: Callable[[int, dict[str, float]], None] = lambda step, metrics: None,
    progress: Callable[[int, str], None] = lambda step, text: None,
) -> Fit:
    """Trains the networks; goes on from the checkpoint if there is one.

    Args:
      data: the images.
      settings: everything about the fit.
      seed: of weights, order and augmentation.
      checkpoint: where the state is kept.
      start: a generator whose weights to begin with.
      report: called with the step and its losses and dev metrics, every `dev_every` steps.
      progress: called after every step with a few words.

    Raises:
      StreetloopError: a loss is not finite; the message names the term and the step.
      InterruptedFit: SIGTERM came.
    """
    keras.utils.set_random_seed(seed)
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    networks = build_networks(settings, start)
    weights = None
    if settings.objectives.class_weights == "log":
        weights = log_weights(data.labeled.pixel_counts())
    train_step = make_train_step(networks, settings, weights)
    best = Kept()
    first = _resume(checkpoint, networks, best)
    if first:
        log.info("going on from step %d", first)
    iterator = iter(batches(data.labeled, data.unlabeled, settings, seed, first))
    predictor = Predictor(networks.candidate)
    losses: list[dict[str, tf.Tensor]] = []
    started, waited, step = time.monotonic(), 0.0, first
    with _sigterm() as asked_to_stop:
        while step < settings.steps and not _bored(best, settings):
            at = time.monotonic()
            batch = next(iterator)
            waited += time.monotonic() - at
            networks.set_learning_rates(
                learning_rate_factor(step, settings.steps, settings.optimizer), settings
            )
            losses.append(train_step(batch, tf.constant(step, tf.int32)))
            step += 1
            at_score = step % settings.dev_every == 0 or step == settings.steps
            if at_score or step % 10 == 0:
                means = _finite_means(losses, step)
                progress(step, f"loss {means['supervised_loss']:.3f}")
            if at_score:
                metrics = means | _score_on_dev(
                    networks, predictor, data, settings, seed, best, step
                )
                report(step, metrics)
                alarm = collapse_warning(means)
                if alarm:
                    log.warning("step %d: %s", step, alarm)
                losses = []
            if step % settings.checkpoint_every == 0 or at_score or asked_to_stop.is_set():
                _save(checkpoint, networks, best, step)
            if asked_to_stop.is_set():
                raise InterruptedFit
    seconds = time.monotonic() - started
    networks.averaged.set_weights(best.weights)
    return Fit(
        networks,
        best.miou if data.dev else None,
        best.step,
        step,
        seconds,
        waited / seconds if seconds else 0.0,
    )


def _bored(best: Kept, settings: TrainSettings) -> bool:
    return bool(settings.patience) and best.since >= settings.patience


def _finite_means(losses: list[dict[str, tf.Tensor]], step: int) -> dict[str, float]:
    """Means since the last report; StreetloopError at the first number that is none."""
    values = {k: np.array([float(row[k]) for row in losses]) for k in losses[0]}
    for name, series in values.items():
        bad = np.flatnonzero(~np.isfinite(series))
        if bad.size:
            at = step - len(series) + int(bad[0]) + 1
            raise StreetloopError(
                f"Expected finite losses; {name} is {series[bad[0]]} at step {at}. Lower "
                "train.optimizer.learning_rate or train.optimizer.clip_norm, or the weight of that "
                "term; then run again."
            )
    return {k: float(v.mean()) for k, v in values.items()}


def _score_on_dev(
    networks: Networks,
    predictor: Predictor,
    data: Data,
    settings: TrainSettings,
    seed: int,
    best: Kept,
    step: int,
) -> dict[str, float]:
    """Scores the averaged model on dev as it would be saved, and keeps it if it is the best."""
    networks.average_into_candidate()
    _settle(networks.candidate, data, settings, seed)
    metrics: dict[str, float] = {}
    miou = 0.0
    if data.dev:
        confusion = score(predictor, data.records, data.dev)
        miou = mean_iou(confusion) or 0.0
        metrics = {
            "dev/miou": miou,
            "dev/pixel_accuracy": pixel_accuracy(confusion) or 0.0,
            "dev/dice": mean_dice(confusion) or 0.0,
        }
    best.since += 1
    if miou > best.miou or not data.dev:
        best.miou, best.step, best.since = miou, step, 0
        best.weights = networks.candidate.get_weights()
    return metrics


def _settle(model: keras.Model, data: Data, settings: TrainSettings, seed: int) -> None:
    """Takes the batch-norm statistics anew, on unchanged images and with the final weights.

    Averaged weights have never seen a batch, and moving averages lag behind in short schedules.
    """
    plain = AugmentSettings(scale=(1.0, 1.0), flip=False)
    pools = [p for p in (data.labeled, data.unlabeled) if p]
    total = sum(len(p) for p in pools)
    order = np.random.default_rng([seed, _SETTLE]).permutation(total)
    for batch in range(settings.settle_batches):
        images = []
        for place in range(settings.batch_size):
            index = int(order[(batch * settings.batch_size + place) % total])
            pool = pools[0] if index < len(pools[0]) else pools[1]
            image = pool[index if pool is pools[0] else index - len(pools[0])][0]
            rng = np.random.default_rng([seed, _SETTLE, batch, place])
            images.append(weak(image, None, settings.crop, plain, rng)[0])
        model(tf.cast(np.stack(images), tf.float32), training=True)


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


@contextmanager
def _sigterm() -> Iterator[threading.Event]:
    """Turns SIGTERM and SIGINT into a flag, where signals can be caught (the main thread)."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def note(number: int, frame: Any) -> None:
        asked.set()

    # Ctrl-C in a terminal reaches the whole process group, this step included.
    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

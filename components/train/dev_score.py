"""Scores the averaged model on dev as it would be saved, and keeps the best."""

from __future__ import annotations

from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from components.contracts.model.predictions import score
from components.contracts.model.predictor import Predictor
from components.contracts.recipe.train import AugmentSettings, TrainSettings
from components.contracts.scores.metrics import mean_dice, mean_iou, pixel_accuracy
from components.train.input.augment import weak
from components.train.input.data import Data
from components.train.networks.networks import Networks

_SETTLE = 2  # stream of the images that batch-norm statistics are taken from


@dataclass
class Kept:
    """The best model so far: its weights, and its mean IoU on dev."""

    miou: float = -1.0
    step: int = 0
    since: int = 0  # scores on dev without a better one
    weights: list[np.ndarray] = field(default_factory=list)


def score_on_dev(
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
    """Takes the batch-norm statistics anew, on images as they are stored and with the final weights.

    Averaged weights have never seen a batch, and moving averages lag behind in short schedules. So
    the statistics become the plain mean over the batches, with nothing left of what they were.
    """
    layers = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in layers]
    pools = [p for p in (data.labeled, data.unlabeled) if p]
    total = sum(len(p) for p in pools)
    order = np.random.default_rng([seed, _SETTLE]).permutation(total)
    for batch in range(settings.settle_batches):
        for layer in layers:
            layer.momentum = batch / (batch + 1)
        images = []
        for place in range(settings.batch_size):
            index = int(order[(batch * settings.batch_size + place) % total])
            pool = pools[0] if index < len(pools[0]) else pools[1]
            image = pool[index if pool is pools[0] else index - len(pools[0])][0]
            # Not zoomed, as they will be predicted: an image's zoom 1 is the one that fills the crop.
            own = max(1.0, min(n / c for n, c in zip(image.shape[:2], settings.crop, strict=True)))
            plain = AugmentSettings(scale=(own, own), flip=False)
            rng = np.random.default_rng([seed, _SETTLE, batch, place])
            images.append(weak(image, None, settings.crop, plain, rng)[0])
        model(tf.cast(np.stack(images), tf.float32), training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum

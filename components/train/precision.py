"""Choose the networks' number format: by the seconds of a step on this machine."""

from __future__ import annotations

import gc
import logging
import statistics
import time
from collections.abc import Callable
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from components.contracts.recipe.train import TrainSettings
from components.train.networks.networks import build_networks
from components.train.train_step import Batch, make_train_step

log = logging.getLogger("streetloop")
Format = Literal["float32", "mixed_bfloat16"]
_WARM_UP, _MEASURED = 2, 10  # steps
_WORTH = 0.95  # of float32's seconds: less gain than the noise of a measurement is none


def choose_precision(
    settings: TrainSettings,
    batch: Batch,
    class_weights: np.ndarray | None,
    strategy: tf.distribute.Strategy | None = None,
    progress: Callable[[int, str], None] = lambda step, text: None,
) -> Format:
    """Return mixed_bfloat16 if a step takes less time with it, else float32.

    Processors with AMX and recent GPUs have fast full convolutions in bfloat16; depthwise
    convolutions, as of EfficientNet, can be slower than in float32. Keras names layers afterwards
    as a new process does.

    Args:
      settings: of the fit.
      batch: one of its batches.
      class_weights: see `make_train_step`.
      strategy: how a step is spread over devices.
      progress: called with a few words.
    """
    seconds: dict[Format, float] = {}
    names: tuple[Format, Format] = ("float32", "mixed_bfloat16")
    for name in names:
        progress(0, f"measuring {name}")
        seconds[name] = _seconds(
            settings.model_copy(update={"precision": name}), batch, class_weights, strategy
        )
        keras.backend.clear_session()
        gc.collect()  # before the next networks need the memory
    chosen = min(names, key=lambda name: seconds[name] / (1 if name == "float32" else _WORTH))
    log.info(
        "train.precision auto: %s (a step takes %.3f s in float32, %.3f s in mixed_bfloat16; median of %d)",
        chosen, seconds["float32"], seconds["mixed_bfloat16"], _MEASURED,
    )  # fmt: skip
    return chosen


def _seconds(
    settings: TrainSettings,
    batch: Batch,
    class_weights: np.ndarray | None,
    strategy: tf.distribute.Strategy | None,
) -> float:
    """Return the median time of a step with new networks."""
    networks = build_networks(settings, None, strategy)
    train_step = make_train_step(networks, settings, class_weights)
    took = []
    for step in range(_WARM_UP + _MEASURED):
        start = time.perf_counter()
        values = train_step(batch, tf.constant(step, tf.int32))
        float(values["total_loss"])  # on a GPU a step returns before it is done
        took.append(time.perf_counter() - start)
    return statistics.median(took[_WARM_UP:])

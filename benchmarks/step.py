"""Measure a training step with the encoder trained, frozen, and on features that are already there.

    python -m benchmarks.step pipelines/recipes/synthetic.yaml [--rounds 8] [--set train.batch_size=8 ...]

The three steps take turns in one process, on images of noise. "Cached" is what a frozen encoder's step
would cost if all features were read from a disk at no cost at all: no cache can be faster. Processor
time, the median over the rounds: other work on the machine changes little. The last line is the size
of the features of one image at the crop's size, as float16.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from components.contracts.recipe.recipe import load
from components.contracts.recipe.train import TrainSettings
from components.train.networks.generator import split_generator
from components.train.networks.networks import build_networks
from components.train.objectives.views import make_views
from components.train.train_step import make_train_step

Batch = dict[str, tf.Tensor]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    settings = load(args.recipe, args.set).train
    if settings.precision == "auto":
        parser.error("train.precision is auto. Name one, such as --set train.precision=float32")
    batch = _noise(settings)
    whole = _step(settings, trainable=True, batch=batch)
    frozen = _step(settings, trainable=False, batch=batch)
    encode, size = _encoding(settings, batch)
    ways = {"trained": whole, "frozen": frozen, "encoding": encode}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(args.rounds + 2):
        for name, way in ways.items():
            start = time.process_time()
            way()
            if number > 1:  # the first calls trace and allocate
                taken[name].append(time.process_time() - start)
    spent = {name: statistics.median(seconds) for name, seconds in taken.items()}
    spent["cached"] = spent["frozen"] - spent.pop("encoding")
    for name, seconds in spent.items():
        print(
            f"{name:8} {seconds:7.3f} s per step, {spent['trained'] / seconds:5.2f} times as fast"
        )
    height, width = settings.crop
    print(f"features {size / 1e6:7.2f} MB per image of {height}x{width}")


def _noise(settings: TrainSettings) -> Batch:
    rng = np.random.default_rng(0)

    def images(count: int) -> tf.Tensor:
        return tf.constant(rng.integers(0, 256, (count, *settings.crop, 3)), tf.float32)

    count, size = settings.batch_size, settings.unlabeled_batch_size
    batch = {
        "image": images(count),
        "label": tf.constant(rng.integers(0, 19, (count, *settings.crop)), tf.int32),
    }
    if size and settings.objectives.reads_unlabeled:
        nothing = tf.zeros((size, *settings.crop), tf.bool)
        batch |= {"weak": images(size), "strong": images(size)}
        batch |= {"padding": nothing, "cutmix": nothing}
    return batch


def _step(settings: TrainSettings, trainable: bool, batch: Batch) -> Callable[[], None]:
    encoder = settings.network.encoder.model_copy(update={"trainable": trainable})
    network = settings.network.model_copy(update={"encoder": encoder})
    settings = settings.model_copy(update={"network": network})
    step = make_train_step(build_networks(settings), settings, None)

    def once() -> None:
        float(step(batch, tf.constant(settings.steps - 1))["total_loss"])

    return once


def _encoding(settings: TrainSettings, batch: Batch) -> tuple[Callable[[], None], int]:
    """Return what encodes the views of a batch, and the bytes of one image's features."""
    encoder = split_generator(build_networks(settings).generator).encoder
    views = tf.concat(list(make_views(batch, settings.objectives).values()), 0)
    encode = tf.function(lambda images: encoder(images, training=False), autograph=False)
    size = sum(2 * int(np.prod(f.shape[1:])) for f in tf.nest.flatten(encode(views)))

    def once() -> None:
        tf.nest.map_structure(lambda feature: feature.numpy(), encode(views))

    keras.backend.clear_session()
    return once, size


if __name__ == "__main__":
    main()

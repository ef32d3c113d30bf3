"""Say what a recipe's training asks of a machine: parameters, operations, and memory by batch.

    python -m benchmarks.footprint pipelines/recipes/cityscapes_full.yaml [--measure]

Memory is computed from the shapes of the tensors that back-propagation keeps, for one image at the
recipe's crop, plus what weights, their gradients, moments and averages take. `--measure` takes real
training steps on the CPU with one image and with two, each in a process of its own: the difference of
their peaks is what an image really takes, in float32. What a GPU's libraries take in addition
(cuDNN's workspace, the CUDA context) is not computed; a table line leaves a tenth of the memory for it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.contracts.recipe.recipe import load
from components.contracts.recipe.train import TrainSettings
from components.train.networks.generator import build_generator
from components.train.networks.networks import build_networks
from components.train.train_step import make_train_step
from tfds_cityscapes.labels import NUM_CLASSES

_GPUS = (16, 24, 40, 80)  # GB
_COPIES = 6  # float32 copies of each weight: itself, its gradient, two moments, the average, the candidate
# Float32 values per class and pixel of full size: logits, resized logits, softmax, its gradient.
_LOSS_COPIES = 4
_GIB = 1 << 30


def main() -> None:
    """Print the figures of a recipe."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--measure", action="store_true", help="also take steps on this CPU")
    parser.add_argument("--images", type=int, help=argparse.SUPPRESS)  # a process of --measure
    args = parser.parse_args()
    settings = load(Path(args.recipe), args.set).train
    if args.images:
        print(_peak_of_a_step(settings, args.images))
        return
    height, width = settings.crop
    generator = build_generator(_untrained(settings).network)
    weights = generator.count_params()
    half = 2 if settings.precision.startswith("mixed") else 1  # auto may choose either
    kept = kept_bytes(generator, settings.crop)
    loss = height * width * NUM_CLASSES * 4 * _LOSS_COPIES
    image, once = kept / half + loss, weights * 4 * _COPIES
    views = images_in_a_step(settings)
    print(f"{args.recipe}: crop {height}x{width}, {settings.precision}, {views} images in a step")
    print(f"  parameters          {weights / 1e6:8.1f} million")
    billions = operations(generator, settings.crop) / 2e9
    print(f"  multiplications     {billions:8.1f} billion in an image's forward pass")
    print(f"  kept for an image   {image / _GIB:8.2f} GiB")
    print(f"  kept once           {once / _GIB:8.2f} GiB")
    print(f"  a step              {(views * image + once) / _GIB:8.2f} GiB")
    for memory in _GPUS:
        room = 0.9 * memory * 1e9 - once
        print(f"  {memory:3d} GB hold         {max(0, int(room / image)):8d} images in a step")
    if args.measure:
        one, two = (_measure(args, images) for images in (1, 2))
        print(
            f"  peak here, float32  {one / _GIB:8.2f} GiB with an image, {two / _GIB:.2f} with two"
        )
        print(
            f"  an image, measured  {(two - one) / _GIB:8.2f} GiB, computed {(kept + loss) / _GIB:.2f}"
        )


def images_in_a_step(settings: TrainSettings) -> int:
    """Count the images through which a step propagates back: labeled ones and views of others."""
    terms = settings.objectives
    views = bool(terms.judges_unlabeled) + bool(terms.consistency) + bool(terms.feature_consistency)
    return settings.batch_size + views * settings.unlabeled_batch_size


def kept_bytes(model: keras.Model, size: tuple[int, int]) -> int:
    """Return the bytes of float32 tensors that back-propagation through one image keeps.

    A convolution, a product, a norm or a smooth activation needs its input again; ReLU and softmax
    need their output. A tensor that two layers need is kept once.
    """
    kept = {id(tensor): tensor for tensor in _needed_again(model)}
    shapes = keras.Model(model.input, list(kept.values())).compute_output_spec(
        keras.KerasTensor((1, *size, 3))
    )
    return sum(4 * int(np.prod(spec.shape)) for spec in tf.nest.flatten(shapes))


def _needed_again(model: keras.Model) -> Iterator[Any]:
    layers = keras.layers
    relu = ("relu", "relu6", "softmax")
    for layer in model.layers:
        smooth = isinstance(layer, layers.Activation) and layer.activation.__name__ not in relu
        if (
            isinstance(
                layer,
                layers.Conv2D
                | layers.DepthwiseConv2D
                | layers.SeparableConv2D
                | layers.Dense
                | layers.BatchNormalization
                | layers.LayerNormalization
                | layers.Multiply,
            )
            or smooth
        ):
            yield from tf.nest.flatten(layer.input)
        elif isinstance(layer, layers.ReLU | layers.Softmax | layers.Activation):
            yield layer.output


def operations(model: keras.Model, size: tuple[int, int]) -> int:
    """Count the floating-point operations of one image's forward pass (a multiply-add is two)."""
    from tensorflow.python.profiler.model_analyzer import profile
    from tensorflow.python.profiler.option_builder import ProfileOptionBuilder

    graph = (
        tf.function(lambda x: model(x, training=False))
        .get_concrete_function(tf.TensorSpec((1, *size, 3), tf.float32))
        .graph
    )
    options = ProfileOptionBuilder(ProfileOptionBuilder.float_operation()).with_empty_output()
    return int(profile(graph, options=options.build()).total_float_ops)


def _untrained(settings: TrainSettings) -> TrainSettings:
    """Drop the download of weights: shapes do not need it."""
    encoder = settings.network.encoder.model_copy(update={"weights": "none"})
    return settings.model_copy(
        update={"network": settings.network.model_copy(update={"encoder": encoder})}
    )


def _measure(args: argparse.Namespace, images: int) -> int:
    """Return the peak memory of a process that takes two steps, in bytes."""
    command = [sys.executable, "-m", "benchmarks.footprint", args.recipe, "--images", str(images)]
    for change in args.set:
        command += ["--set", change]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _peak_of_a_step(settings: TrainSettings, images: int) -> int:
    """Take two steps on labeled images, on the CPU, and return the process's peak in bytes."""
    changes = {"gpus": 0, "precision": "float32", "batch_size": images}
    settings = _untrained(settings).model_copy(update=changes)
    step = make_train_step(build_networks(settings), settings, None)
    rng, shape = np.random.default_rng(0), (images, *settings.crop)
    batch = {
        "image": tf.constant(rng.uniform(0, 255, (*shape, 3)), tf.float32),
        "label": tf.constant(rng.integers(0, NUM_CLASSES, shape), tf.int32),
    }
    for number in range(2):
        loss = float(step(batch, tf.constant(number))["total_loss"])
        if not np.isfinite(loss):
            raise SystemExit(f"The loss of step {number} is {loss}. Expected a number.")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()

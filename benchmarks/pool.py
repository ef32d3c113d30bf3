"""Compare a query's look at the pool with plain batched inference over the same records.

    python -m benchmarks.pool [--images 12] [--size 256x512] [--rounds 5]

The peer reads the same records and predicts probabilities in batches, and keeps nothing. A query also
computes each image's doubt, in several measures, and its embedding. Processor time, by turns.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.figures import Figure, by_turns, report, speedups
from components.contracts.data.records import Records
from components.contracts.model.embedding import Embedder
from components.contracts.model.predictor import Predictor, images_per_batch, pad_to_stride
from components.contracts.recipe.data import DataSettings
from components.contracts.recipe.networks import EncoderSettings, NetworkSettings
from components.contracts.recipe.query import QuerySettings
from components.preprocess.build import Division, write_records
from components.query.ask import facts_for
from components.query.look import Model
from components.train.networks.generator import build_generator
from tfds_cityscapes.source import open_source
from tfds_cityscapes.synthetic.__main__ import parse_size
from tfds_cityscapes.synthetic.layout import generate

# The demo's network; its weights are by chance, which costs the same time.
NETWORK = NetworkSettings(
    encoder=EncoderSettings(name="efficientnet_lite0", weights="none"),
    decoder_convolution="separable",
)


def records_of(folder: Path, images: int, size: tuple[int, int]) -> Records:
    """Write generated streets as records, all of them in the pool."""
    generate(folder / "data", seed=1, images=images, size=size, val=4)
    source = open_source(folder / "data")
    train = [item for item in source.items if item.split == "train"][:images]
    write_records(Division(source, DataSettings(), {"train": train}), folder / "records")
    return Records(folder / "records")


def query(records: Records, model: Model) -> None:
    """Look at all images as a query does."""
    nothing: Callable[[str, np.ndarray], None] = lambda image_id, probabilities: None  # noqa: E731
    settings = QuerySettings(strategy="entropy")
    facts_for(records, records.ids("train"), [], settings, model, (0, 0), nothing)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--size", type=parse_size, default=(256, 512), metavar="HxW")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    generator = build_generator(NETWORK)
    model = Model(Predictor(generator), Embedder(generator))
    network = tf.function(
        lambda images: tf.nn.softmax(generator(images, training=False)),
        input_signature=[tf.TensorSpec([None, *args.size, 3], tf.float32)],
        autograph=False,
    )
    step = images_per_batch(args.size[0] * args.size[1])
    with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
        records = records_of(Path(folder), args.images, args.size)
        ids = records.ids("train")

        def plain() -> None:
            for first in range(0, len(ids), step):
                images = np.stack([records.read(i).image for i in ids[first : first + step]])
                network(pad_to_stride(images.astype(np.float32))).numpy()

        ways = {"plain": plain, "query": lambda: query(records, model)}
        taken = by_turns(ways, args.rounds, time.process_time)
    size = "{}x{}".format(*args.size)
    values = speedups(taken["plain"], taken["query"])
    report(Figure(f"looking at a pool of {size}", "plain batched inference", values, 0.95))


if __name__ == "__main__":
    main()

"""Say what a cycle asks of machines at 3,000, 100,000 and 10 million images, from measured figures.

    python -m benchmarks.capacity [--source 1024x2048] [--size 512x1024] [--images 12]
        [--encoder efficientnet_lite0] [--core-hour 0.04] [--gb-month 0.02]

What grows with the number of images is measured on a few of them and multiplied: processor time and
bytes per image to preprocess, to look at an image of the pool for a query, and to score one of val.
Processor time counts, so other work on the machine changes little. How long the strategies take to
choose is measured by benchmarks.selection, the ledger by benchmarks.ledger, and a training step by
benchmarks.step: a fit's time depends on `train.steps`, not on the size of the pool. Prices are yours.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import keras

from components.contracts.data.records import Records
from components.contracts.model.embedding import Embedder
from components.contracts.model.predictor import Predictor
from components.contracts.recipe.data import DataSettings
from components.contracts.recipe.networks import EncoderSettings, NetworkSettings
from components.evaluate.assess import assess
from components.preprocess.build import Division, write_records
from components.query.facts import pool_of
from components.query.look import Model, look
from components.train.networks.generator import build_generator
from tfds_cityscapes.source import Item, open_source
from tfds_cityscapes.synthetic.__main__ import parse_size
from tfds_cityscapes.synthetic.layout import generate

POOLS = (3_000, 100_000, 10_000_000)


@dataclass(frozen=True)
class PerImage:
    """What one image takes.

    Attributes:
      preprocess, look, score: seconds of processor time.
      record: bytes of a record of the pool.
      facts: bytes that a query keeps in memory: its description, and its shares of classes.
    """

    preprocess: float
    look: float
    score: float
    record: float
    facts: int


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=parse_size, default=(1024, 2048), metavar="HxW")
    parser.add_argument("--size", type=parse_size, default=(512, 1024), metavar="HxW")
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--encoder", default="efficientnet_lite0")
    parser.add_argument("--core-hour", type=float, help="price of one core for an hour")
    parser.add_argument("--gb-month", type=float, help="price of a gigabyte for a month")
    args = parser.parse_args()
    one = measure(args.images, args.source, args.size, args.encoder)
    print(
        f"\nPer image, {_text(args.source)} stored as {_text(args.size)}, {args.encoder}, one core:\n"
        f"  preprocess {one.preprocess:.3f} s, look at it for a query {one.look:.3f} s, "
        f"score it {one.score:.3f} s\n  record {one.record / 1e6:.2f} MB, a query's memory "
        f"{one.facts / 1e3:.1f} kB\n"
    )
    print("| images | preprocess, once | look, each query | records | a query's memory | cost |")
    print("|---|---:|---:|---:|---:|---:|")
    for images in POOLS:
        print(_row(images, one, args.core_hour, args.gb_month))


def measure(images: int, source: tuple[int, int], size: tuple[int, int], encoder: str) -> PerImage:
    """Measure on generated streets."""
    with tempfile.TemporaryDirectory(prefix="streetloop-") as name:
        data, warm, output = (Path(name) / part for part in ("data", "warm", "records"))
        generate(data, seed=1, images=images, size=source, val=4)
        opened = open_source(data)
        splits: dict[str, list[Item]] = {}
        for item in opened.items:
            splits.setdefault(item.split, []).append(item)
        division = Division(opened, DataSettings(size=size), splits)
        write_records(division, warm)
        started = time.process_time()
        records = write_records(division, output).records
        preprocess = (time.process_time() - started) / len(opened.items)
        ids = records.ids("train")
        generator = build_generator(NetworkSettings(encoder=EncoderSettings(name=encoder)))  # type: ignore[arg-type]
        look_seconds, facts = _look(generator, records, ids)
        predictor = Predictor(generator)
        assess(predictor, records, "val")
        started = time.process_time()
        assess(predictor, records, "val")
        score = (time.process_time() - started) / len(splits["val"])
        stored = sum(records.entries[i].length for i in ids) / len(ids)
    return PerImage(preprocess, look_seconds, score, stored, facts)


def _look(generator: keras.Model, records: Records, ids: list[str]) -> tuple[float, int]:
    """Return the seconds to look at one image, and the bytes that are kept of it."""
    model = Model(Predictor(generator), Embedder(generator))
    look(model, records, ids[:1], [])  # traces
    started = time.process_time()
    pool = pool_of(records, ids, [], look(model, records, ids, []))
    seconds = (time.process_time() - started) / len(ids)
    arrays = (pool.embeddings, pool.class_uncertainty, pool.class_share)
    return seconds, sum(array.nbytes for array in arrays) // len(ids)


def _row(images: int, one: PerImage, core_hour: float | None, gb_month: float | None) -> str:
    hours = [images * seconds / 3600 for seconds in (one.preprocess, one.look)]
    stored, memory = images * one.record / 1e9, images * one.facts / 1e9
    cost = "–"
    if core_hour is not None and gb_month is not None:
        cost = f"{sum(hours) * core_hour:,.2f} + {stored * gb_month:,.2f} a month"
    times = (f"{value:,.1f} core hours" for value in hours)
    return f"| {images:,} | {' | '.join(times)} | {stored:,.1f} GB | {memory:,.2f} GB | {cost} |"


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


if __name__ == "__main__":
    main()

"""Measure whether the memory of preprocess, evaluate and query grows with the number of images.

    python -m benchmarks.memory [--few 100] [--many 1000] [--size 128x256]

Each runs in a process of its own; the figure is the growth of its peak, as a share of the peak with few
images. Preprocess writes all of them, one half as the dev part that evaluate scores, the other as the
pool that a query sees. Peaks hardly vary, so each is measured once.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, report
from components.contracts.data.records import Records
from components.contracts.recipe.data import DataSettings
from components.preprocess.build import Division, write_records
from tfds_cityscapes.source import Source, open_source
from tfds_cityscapes.synthetic.__main__ import parse_size
from tfds_cityscapes.synthetic.layout import generate

STEPS = ("preprocess", "evaluate", "query")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--size", type=parse_size, default=(128, 256), metavar="HxW")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)  # a process of its own
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        _run(args.step, args.data)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    peaks: dict[int, dict[str, float]] = {}
    for images in (args.few, args.many):
        with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
            data = Path(folder) / "data"
            generate(data, seed=1, images=images, size=args.size, val=4)
            peaks[images] = {step: _peak(step, data) for step in STEPS}
    for step in STEPS:
        few, many = peaks[args.few][step], peaks[args.many][step]
        least, most = (n if step == "preprocess" else n // 2 for n in (args.few, args.many))
        print(f"{step}: {few:.0f} MB with {least} images, {many:.0f} MB with {most}")
        what = f"growth of the memory of {step} from {least} to {most} images"
        growth = (100 * (many / few - 1),)
        report(Figure(what, "none (5 % is how much it varies)", growth, 5, "%", at_least=False))


def _peak(step: str, data: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", "--step", step, "--data", str(data)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.splitlines()[-1])


def _run(step: str, data: Path) -> None:
    """Do the work of a step; evaluate and query find records beside the data, which are then written."""
    source = open_source(data)
    if step == "preprocess":
        _write(source, data.parent / "records")
        return
    from benchmarks.pool import query
    from components.contracts.model.embedding import Embedder
    from components.contracts.model.predictor import Predictor
    from components.contracts.recipe.networks import EncoderSettings, NetworkSettings
    from components.evaluate.assess import assess
    from components.query.look import Model
    from components.train.networks.generator import build_generator

    encoder = EncoderSettings(name="unet", base=4, depth=4)
    generator = build_generator(NetworkSettings(encoder=encoder, decoder_width=4))
    records = Records(data.parent / "records")
    if step == "evaluate":
        assess(Predictor(generator), records, "dev")
    else:
        query(records, Model(Predictor(generator), Embedder(generator)))


def _write(source: Source, folder: Path) -> None:
    """Write one half of the train part as the pool, and the other as a dev part."""
    train = [item for item in source.items if item.split == "train"]
    half = len(train) // 2
    parts = {"train": train[:half], "dev": train[half:]}
    write_records(Division(source, DataSettings(), parts), folder)


if __name__ == "__main__":
    main()

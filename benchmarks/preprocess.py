"""Measure how fast images become records: against the bare work of OpenCV on all cores.

    python -m benchmarks.preprocess [--images 12] [--source 1024x2048] [--size 512x1024] [--rounds 5]

The peer decodes, resizes and encodes the same files with the same functions of OpenCV, in as many
threads as there are processors, and writes each result to a file: what no preprocessing can beat.
Streetloop also writes TFRecord with checksums and an index. The two take turns; wall time, the median
of the rounds after a first one that warms up, with the fastest and the slowest. Expected: at least
0.85 of the peer.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2

from benchmarks.figures import Figure, by_turns, report, speedups
from components.contracts.process.cpus import usable_cpus
from components.contracts.recipe.data import DataSettings
from components.preprocess.build import Division, write_records
from tfds_cityscapes.png import encode_png, fit_image
from tfds_cityscapes.source import open_source
from tfds_cityscapes.synthetic.__main__ import parse_size
from tfds_cityscapes.synthetic.layout import generate


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--source", type=parse_size, default=(1024, 2048), metavar="HxW")
    parser.add_argument("--size", type=parse_size, default=(512, 1024), metavar="HxW")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
        data = Path(folder) / "data"
        generate(data, seed=1, images=args.images, size=args.source, val=4)
        ways = {"streetloop": _ours(data, args.size), "OpenCV alone": _bare(data, args.size)}
        taken = by_turns(
            {name: _into_a_new_folder(way, Path(folder)) for name, way in ways.items()},
            args.rounds,
        )
    print(f"{args.images} images {args.source} to {args.size}, {usable_cpus()} processors")
    for name, seconds in taken.items():
        print(f"  {name:13} {args.images / min(seconds):6.1f} images per second at best")
    values = speedups(taken["OpenCV alone"], taken["streetloop"])
    what = "preprocessing {}x{} to {}x{}".format(*args.source, *args.size)
    report(Figure(what, "OpenCV's decode, resize and encode", values, 0.85))


def _into_a_new_folder(way: Callable[[Path], None], folder: Path) -> Callable[[], None]:
    def run() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as output:
            way(Path(output))

    return run


def _ours(data: Path, size: tuple[int, int]) -> Callable[[Path], None]:
    source = open_source(data)
    train = [item for item in source.items if item.split == "train"]
    settings = DataSettings(size=size)

    def way(output: Path) -> None:
        write_records(Division(source, settings, {"train": train}), output)

    return way


def _bare(data: Path, size: tuple[int, int]) -> Callable[[Path], None]:
    files = sorted((data / "leftImg8bit" / "train").rglob("*.png"))

    def one(path: Path, output: Path) -> None:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        (output / path.name).write_bytes(encode_png(fit_image(image, size)))

    def way(output: Path) -> None:
        with ThreadPoolExecutor(usable_cpus()) as pool:
            list(pool.map(lambda path: one(path, output), files))

    return way


if __name__ == "__main__":
    main()

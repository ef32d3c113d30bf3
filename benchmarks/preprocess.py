"""Measure how fast images become records: against the bare work of OpenCV on all cores.

    python -m benchmarks.preprocess [--images 24] [--source 1024x2048] [--size 512x1024] [--rounds 5]

The peer decodes, resizes and encodes the same files with the same functions of OpenCV, in as many
threads as there are processors, and writes each result to a file: what no preprocessing can beat.
Streetloop also writes TFRecord with checksums and an index. The two take turns; wall time, the median
of the rounds after a first one that warms up, with the fastest and the slowest. Expected: at least
0.85 of the peer.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2

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
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--source", type=parse_size, default=(1024, 2048), metavar="HxW")
    parser.add_argument("--size", type=parse_size, default=(512, 1024), metavar="HxW")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
        data = Path(folder) / "data"
        generate(data, seed=1, images=args.images, size=args.source, val=4)
        ways = {"streetloop": _ours(data, args.size), "OpenCV alone": _bare(data, args.size)}
        rates = _rates(ways, args.images, args.rounds, Path(folder))
    print(f"{args.images} images {args.source} to {args.size}, {usable_cpus()} processors")
    base = statistics.median(rates["OpenCV alone"])
    for name, found in rates.items():
        middle = statistics.median(found)
        spread = f"{min(found):.1f} to {max(found):.1f}"
        print(f"  {name:13} {middle:6.1f} images per second ({spread}), {middle / base:.2f} times")


def _rates(
    ways: dict[str, Callable[[Path], None]], images: int, rounds: int, folder: Path
) -> dict[str, list[float]]:
    """Return images per second of each way and round."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory(dir=folder) as output:
                start = time.perf_counter()
                way(Path(output))
                if number:
                    rates[name].append(images / (time.perf_counter() - start))
    return rates


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

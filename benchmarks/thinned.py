"""Make a pool of independent images from video: keep every n-th frame of each drive.

    python -m benchmarks.thinned measure DATA [--size 240 320]
    python -m benchmarks.thinned make DATA OUTPUT --every 6

`measure` prints how much frames look alike that are 1, 2, 3, ... frames apart: the median distance
between the embeddings of a frozen EfficientNet-Lite0, divided by the median over all pairs of frames of
a drive. At 1, a frame is as unlike its neighbour as any other street of its drive is. `make` writes a
data set of links to the frames of train that are kept; val stays whole.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from components.contracts.model.embedding import encoder_embedder, standardised
from components.contracts.recipe.networks import EncoderSettings
from tfds_cityscapes.source import Item, Source, open_source

_APART = (1, 2, 3, 4, 6, 8, 12, 16, 24)  # frames


def main() -> None:
    """Parse the arguments and run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    measuring = commands.add_parser("measure")
    measuring.add_argument("data", type=Path)
    measuring.add_argument("--size", type=int, nargs=2, default=[240, 320])
    making = commands.add_parser("make")
    making.add_argument("data", type=Path)
    making.add_argument("output", type=Path)
    making.add_argument("--every", type=int, required=True)
    given = parser.parse_args()
    if given.command == "measure":
        measure(open_source(given.data), given.size)
    else:
        make(given.data.absolute(), given.output, given.every)


def drives_of(source: Source) -> dict[str, list[Item]]:
    """Return the frames of each drive of train in time."""
    drives: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(source.items, key=lambda item: item.order):
        if item.split == "train":
            drives[item.drive].append(item)
    return dict(drives)


def measure(source: Source, size: list[int]) -> None:
    """Print the distance between frames by how far they are apart, drive by drive."""
    drives = drives_of(source)
    embedder = encoder_embedder(EncoderSettings(name="efficientnet_lite0"))
    images = (source.read_image(item) for items in drives.values() for item in items)
    points = standardised(
        np.stack(
            [
                embedder.embed(cv2.resize(i, size[::-1], interpolation=cv2.INTER_AREA))
                for i in images
            ]
        )
    )
    print("frames apart", *(f"{apart:5d}" for apart in _APART))
    start = 0
    for drive, items in drives.items():
        mine = points[start : start + len(items)]
        start += len(items)
        print(f"{drive} ({len(items)})", *(f"{value:5.2f}" for value in unlikeness(mine, _APART)))


def unlikeness(points: np.ndarray, apart: tuple[int, ...]) -> list[float]:
    """Return the median distance between frames so far apart, as a share of that of all pairs.

    Args:
      points: embeddings of the frames of one drive in time, [N, D].
      apart: numbers of frames.

    Returns:
      One share for each number of frames; NaN where the drive is shorter.
    """
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    usual = np.median(distances[np.triu_indices(len(points), 1)])
    return [
        float(np.median(np.diagonal(distances, a)) / usual) if a < len(points) else float("nan")
        for a in apart
    ]


def make(data: Path, output: Path, every: int) -> None:
    """Write links to every n-th frame of each drive of train, and to all of val."""
    source = open_source(data)
    kept = [item for items in drives_of(source).values() for item in items[::every]]
    kept += [item for item in source.items if item.split == "val"]
    for item in kept:
        for name in filter(None, (item.image, item.label)):
            link = output / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(data / name)
    number = sum(item.split == "train" for item in kept)
    print(
        f"{number} of {sum(i.split == 'train' for i in source.items)} images of train in {output}"
    )


if __name__ == "__main__":
    main()

"""The Cityscapes folder layout: which frame is which image, and its four files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tfds_cityscapes.synthetic.cities import CITIES, make_city
from tfds_cityscapes.synthetic.scene import Frame, Sequence
from tfds_cityscapes.synthetic.street import scheduled

SPLITS = tuple(CITIES)  # train, val, test
SMALLEST = 64  # pixels: smaller, and poles and people vanish
LARGEST = 4096
_MARKER = "synthetic.json"
_VERSION = 1  # of the pictures; another version paints other pixels for the same seed
_FRAMES = {"train": 3, "val": 2, "test": 2}  # a sequence


class SyntheticError(ValueError):
    """A request that the generator cannot serve; the message says what to change."""


@dataclass(frozen=True)
class Place:
    """Where an image comes from."""

    split: str
    city: str
    sequence: int  # in its split
    number: int  # of the sequence in its city
    frame: int

    @property
    def image_id(self) -> str:
        """`<city>_<sequence>_<frame>`, as Cityscapes names an image."""
        return f"{self.city}_{self.number:06d}_{self.frame * 10 + 19:06d}"


def place_of(split: str, index: int) -> Place:
    """The place of image `index` of a split; it does not depend on how many images there are."""
    sequence, frame = divmod(index, _FRAMES[split])
    number, city = divmod(sequence, len(CITIES[split]))
    return Place(split, CITIES[split][city], sequence, number, frame)


def render(
    seed: int, split: str, start: int, stop: int, size: tuple[int, int]
) -> Iterator[tuple[Place, Frame]]:
    """Renders the images start..stop-1 of a split, size (height, width), in order."""
    current: tuple[int, Sequence] | None = None
    split_index = SPLITS.index(split)
    for index in range(start, stop):
        place = place_of(split, index)
        if current is None or current[0] != place.sequence:
            city = make_city(seed, split, place.city)
            sure = scheduled(seed, split_index, place.sequence)
            drive = Sequence((seed, 13, split_index, place.sequence), city, sure)
            current = (place.sequence, drive)
        yield place, current[1].frame(place.frame, size)


def generate(
    output: Path,
    *,
    seed: int,
    images: int,
    size: tuple[int, int],
    val: int | None = None,
    test: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes a data set of street scenes in the Cityscapes layout.

    The same arguments give the same bytes, and image k of a split is the same however many
    images are asked for. A folder that already holds exactly this data set is left as it is; an
    interrupted one is written again.

    Args:
      output: folder to fill: absent, empty, or written by this function with the same arguments.
      seed: 0 or larger.
      images: of the split train.
      size: height and width in pixels.
      val: images of the split val; by default a quarter of `images`, at least 4.
      test: images of the split test; they come with labels.
      progress: called with (images done, images in all) after each image.

    Raises:
      SyntheticError: an argument is out of range, or the folder holds something else.
    """
    counts = _check(seed, images, size, val, test)
    request = {"version": _VERSION, "seed": seed, "size": list(size), "images": counts}
    if _is_there(Path(output), request):
        return
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    marker = output / _MARKER
    marker.write_text(json.dumps({**request, "complete": False}) + "\n")
    total, done = sum(counts.values()), 0
    for split, count in counts.items():
        for place, frame in render(seed, split, 0, count, size):
            _write(output, place, frame)
            done += 1
            if progress:
                progress(done, total)
    marker.write_text(json.dumps({**request, "complete": True}) + "\n")


def _check(
    seed: int, images: int, size: tuple[int, int], val: int | None, test: int
) -> dict[str, int]:
    counts = {
        "train": images,
        "val": max(4, images // 4) if val is None else val,
        "test": test,
    }
    if seed < 0:
        raise SyntheticError(f"Expected a seed of 0 or larger; got {seed}.")
    if images < 1:
        raise SyntheticError(f"Expected at least 1 image in train; got {images}.")
    for split in ("val", "test"):
        if counts[split] < 0:
            raise SyntheticError(f"Expected 0 or more images in {split}; got {counts[split]}.")
    if not all(SMALLEST <= n <= LARGEST for n in size):
        raise SyntheticError(
            f"Expected a height and a width from {SMALLEST} to {LARGEST} pixels; got "
            f"{size[0]}x{size[1]}."
        )
    return counts


def _is_there(output: Path, request: dict[str, object]) -> bool:
    """Whether the folder holds the data set already; refuses a folder with other content."""
    if output.exists() and not output.is_dir():
        raise SyntheticError(f"{output} is a file; name a folder.")
    if not output.is_dir() or not any(output.iterdir()):
        return False
    try:
        found = json.loads((output / _MARKER).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        found = {}
    if not isinstance(found, dict) or {**found, "complete": None} != {**request, "complete": None}:
        raise SyntheticError(
            f"{output} holds other files (or a data set of another seed, size or number of "
            "images); choose an empty folder or delete it first."
        )
    return bool(found["complete"])


def _write(output: Path, place: Place, frame: Frame) -> None:
    images = output / "leftImg8bit" / place.split / place.city
    labels = output / "gtFine" / place.split / place.city
    images.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    stem = place.image_id
    _png(images / f"{stem}_leftImg8bit.png", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    _png(labels / f"{stem}_gtFine_labelIds.png", frame.label_ids)
    _png(labels / f"{stem}_gtFine_instanceIds.png", frame.instance_ids)
    height, width = frame.label_ids.shape
    polygons = {"imgHeight": height, "imgWidth": width, "objects": frame.objects}
    text = json.dumps(polygons, separators=(",", ":"))
    (labels / f"{stem}_gtFine_polygons.json").write_text(text)


def _png(path: Path, pixels: np.ndarray) -> None:
    # Noise has no repetitions: searching for them costs a third more time and makes larger files.
    strategy = (
        cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY
        if pixels.ndim == 3
        else (cv2.IMWRITE_PNG_STRATEGY_DEFAULT)
    )
    options = [cv2.IMWRITE_PNG_COMPRESSION, 2, cv2.IMWRITE_PNG_STRATEGY, strategy]
    if not cv2.imwrite(str(path), pixels, options):
        raise OSError(f"Could not write {path}.")

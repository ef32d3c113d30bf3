"""Write generated frames in the Cityscapes folder layout, four files per image."""

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
SMALLEST = 64  # pixels: in smaller pictures poles and people vanish
LARGEST = 4096
_MARKER = "synthetic.json"
_VERSION = 1  # of the pictures; another version paints other pixels for the same seed
_FRAMES = {"train": 3, "val": 2, "test": 2}  # per sequence


class SyntheticError(ValueError):
    """The generator cannot serve a request; the message says what to change."""


@dataclass(frozen=True)
class Place:
    """The sequence and the frame that an image shows."""

    split: str
    city: str
    sequence: int  # in its split
    number: int  # of the sequence in its city
    frame: int

    @property
    def image_id(self) -> str:
        """The id `<city>_<sequence>_<frame>`, as in Cityscapes."""
        return f"{self.city}_{self.number:06d}_{self.frame * 10 + 19:06d}"


def place_of(split: str, index: int) -> Place:
    """Return the place of image `index` of a split, whatever the number of images."""
    sequence, frame = divmod(index, _FRAMES[split])
    number, city = divmod(sequence, len(CITIES[split]))
    return Place(split, CITIES[split][city], sequence, number, frame)


def render(
    seed: int, split: str, start: int, stop: int, size: tuple[int, int]
) -> Iterator[tuple[Place, Frame]]:
    """Render the images start..stop-1 of a split, size (height, width), in order."""
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
    """Write a data set of street scenes in the Cityscapes layout.

    The same arguments give the same bytes, and image k of a split is the same however many
    images are requested. A folder that already holds exactly this data set is not changed; an
    interrupted one is written again.

    Args:
      output: the folder: new, empty, or written by this function with the same arguments.
      seed: 0 or larger.
      images: of the split train.
      size: height and width in pixels.
      val: images of the split val; by default a quarter of `images`, at least 4.
      test: images of the split test; they come with labels.
      progress: called with (images done, images in all) after each image.

    Raises:
      SyntheticError: an argument is out of range, or the folder holds other files.
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
        raise SyntheticError(f"The seed is {seed}. Expected 0 or more.")
    if images < 1:
        raise SyntheticError(f"The number of images in train is {images}. Expected 1 or more.")
    for split in ("val", "test"):
        if counts[split] < 0:
            raise SyntheticError(
                f"The number of images in {split} is {counts[split]}. Expected 0 or more."
            )
    if not all(SMALLEST <= n <= LARGEST for n in size):
        raise SyntheticError(
            f"The size is {size[0]}x{size[1]}. Expected a height and a width from {SMALLEST} to "
            f"{LARGEST} pixels."
        )
    return counts


def _is_there(output: Path, request: dict[str, object]) -> bool:
    """Return whether the folder already holds the data set; reject other content."""
    if output.exists() and not output.is_dir():
        raise SyntheticError(f"{output} is a file. Name a folder.")
    if not output.is_dir() or not any(output.iterdir()):
        return False
    try:
        written = json.loads((output / _MARKER).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        written = {}
    if not isinstance(written, dict) or written | {"complete": 0} != request | {"complete": 0}:
        raise SyntheticError(
            f"{output} holds other files (or a data set of another seed, size or number of "
            "images). Choose an empty folder, or delete it first."
        )
    return bool(written["complete"])


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
    # Noise has no repetitions: the search for them takes a third more time and makes larger files.
    huffman, default = cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT
    strategy = huffman if pixels.ndim == 3 else default
    options = [cv2.IMWRITE_PNG_COMPRESSION, 2, cv2.IMWRITE_PNG_STRATEGY, strategy]
    if not cv2.imwrite(str(path), pixels, options):
        raise OSError(f"Could not write {path}.")

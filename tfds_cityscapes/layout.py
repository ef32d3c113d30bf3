"""What the names of files in the Cityscapes layout say: split, city, image id, and kind of mask.

A name is read where its meaning is certain. Everything else is reported, with what to do about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tfds_cityscapes.files import (
    IMAGE_ENDINGS,
    File,
    Skipped,
    SourceError,
    ending,
    why_not_an_image,
)
from tfds_cityscapes.mask_names import join_masks, unused_coarse
from tfds_cityscapes.names import MOST_CHARACTERS, is_usable_name

SPLITS = ("train", "val", "test")
IMAGES, MASKS, COARSE = "leftImg8bit", "gtFine", "gtCoarse"
TOPS = {top.casefold(): top for top in (IMAGES, MASKS, COARSE)}
_TOP = re.compile(rf"(?:^|/)((?:{IMAGES}|{MASKS}|{COARSE})/.+)$", re.IGNORECASE)
_SPLIT_NAMES = {"training": "train", "validation": "val", "valid": "val", "testing": "test"}
_SPLIT_NAMES |= {name: name for name in SPLITS}
_FRAME = re.compile(r"(?P<city>.+?)_\d+_\d+")  # city, sequence, frame
_IMAGE_SUFFIX = re.compile(rf"_{IMAGES}$", re.IGNORECASE)
# What stands beside images or masks in Cityscapes and in data sets derived from it.
_COMPANION = re.compile(
    r"_(?:labelIds|(?:label)?TrainIds|instanceIds|instanceTrainIds|color|panoptic|disparity|rightImg8bit|"
    rf"{IMAGES}_[^/]+|{MASKS}|{COARSE})$",
    re.IGNORECASE,
)
_LABEL_MAP = re.compile(
    rf"_(?:labelIds|(?:label)?TrainIds|instanceIds|instanceTrainIds|(?:{MASKS}|{COARSE})_\w+)\.png$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Item:
    """One image of a source, with the names of its files in the source; `split` may be ""."""

    image_id: str
    city: str
    split: str
    image: str
    label: str | None = None

    @property
    def drive(self) -> str:
        """The city and the sequence: the id without its last number."""
        return f"{self.city}/{self.image_id.rpartition('_')[0]}"

    @property
    def order(self) -> tuple[str, list[int | str]]:
        """A key that sorts the frames of one city in time: numbers in the id compare as numbers."""
        parts = re.split(r"(\d+)", self.image_id)
        return self.city, [int(p) if p.isdecimal() else p for p in parts]


def from_top(name: str) -> str | None:
    """Return the part of a name from leftImg8bit, gtFine or gtCoarse on; None without these."""
    match = _TOP.search(name)
    return match.group(1) if match else None


def image_id(name: str) -> str | None:
    """Return the id of an image file, from its name alone; None if it is not an image's name."""
    stem = PurePosixPath(name).stem
    if ending(name) not in IMAGE_ENDINGS or _COMPANION.search(stem):
        return None
    return _IMAGE_SUFFIX.sub("", stem) or None


def is_label_map(name: str) -> bool:
    """Return whether a file is named as a mask or a prediction, and cannot be a photo."""
    return bool(_LABEL_MAP.search(name))


def arrange(files: Iterable[File]) -> tuple[list[Item], list[Skipped]]:
    """Join images and masks.

    Args:
      files: with names that start at leftImg8bit, gtFine or gtCoarse.

    Returns:
      The images sorted by id, and the files that were not read.

    Raises:
      SourceError: an image or a mask occurs twice.
    """
    tops: dict[str, list[str]] = {top: [] for top in TOPS.values()}
    for file in files:
        tops[TOPS[file.name.partition("/")[0].casefold()]].append(file.name)
    skipped: list[Skipped] = []
    items = _images(sorted(tops[IMAGES]), skipped)
    labels, unread = join_masks(sorted(tops[MASKS]), items)
    skipped += unread
    skipped += unused_coarse(sorted(tops[COARSE]), items, labels)
    return [
        Item(i.image_id, i.city, i.split, i.image, labels.get(i.image_id))
        for _, i in sorted(items.items())
    ], skipped


def _images(names: Sequence[str], skipped: list[Skipped]) -> dict[str, Item]:
    has_splits = any(_split(_folders(name)) for name in names)
    items: dict[str, Item] = {}
    for name in names:
        found = image_id(name)
        if found is None:
            why = why_not_an_image(name) or "it is not named as an image, <id>_leftImg8bit.png"
            skipped.append(Skipped(name, why))
            continue
        # The walker has already listed the names that hold control characters.
        if not is_usable_name(found):
            why = f"its name has more than {MOST_CHARACTERS} characters; shorten it"
            skipped.append(Skipped(name, why))
            continue
        folders = _folders(name)
        split = _split(folders)
        if reason := _unclear(folders, found, split, has_splits):
            skipped.append(Skipped(name, reason))
            continue
        if found in items:
            raise SourceError(f"Image id {found} occurs twice: {items[found].image} and {name}.")
        items[found] = Item(found, _city(folders, found, split), split, name)
    return items


def _folders(name: str) -> list[str]:
    """Return the folders between leftImg8bit (or gtFine) and the file."""
    return name.split("/")[1:-1]


def _split(folders: Sequence[str]) -> str:
    return _SPLIT_NAMES.get(folders[0].casefold(), "") if folders else ""


def _city(folders: Sequence[str], found: str, split: str) -> str:
    if inner := folders[1 if split else 0 :]:
        return inner[0]
    match = _FRAME.fullmatch(found)
    return match.group("city") if match else ""


def _unclear(folders: Sequence[str], found: str, split: str, has_splits: bool) -> str | None:
    """Return why an image's split cannot be told from its folders."""
    if split:
        return None
    if has_splits:
        if not folders:
            return f"it is in none of the folders {', '.join(SPLITS)} of {IMAGES}; move it into one"
        return (
            f"{IMAGES}/{folders[0]} is not one of the splits {', '.join(SPLITS)}; to add its images to "
            f"the pool, move what it holds into {IMAGES}/train"
        )
    # Without splits the first folder is a city. One that has folders of its own may be a split of
    # another name: that it is a city is certain only if the ids say so.
    if len(folders) > 1 and not found.casefold().startswith(f"{folders[0].casefold()}_"):
        return (
            f"{IMAGES}/{folders[0]} is neither one of the splits {', '.join(SPLITS)} nor the city of its "
            f"images; name it train, val or test"
        )
    return None

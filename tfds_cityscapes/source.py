"""Find the images and masks of a data set in the Cityscapes layout: a folder, or the two zips.

    leftImg8bit/<split>/<city>/<city>_<sequence>_<frame>_leftImg8bit.png (or another format)
    gtFine/<split>/<city>/<city>_<sequence>_<frame>_gtFine_labelIds.png

`<split>/` may be missing; such data is divided later, by `split.ratios`. `layout.py` says which other
names are understood.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import numpy as np

from tfds_cityscapes.files import (
    UNREADABLE,
    File,
    Skipped,
    SourceError,
    Walk,
    is_junk,
    looks_like_an_image,
    summarize,
    walk_folder,
    walk_zip,
)
from tfds_cityscapes.labels import to_train_ids
from tfds_cityscapes.layout import IMAGES, MASKS, TOPS, Item, arrange, from_top
from tfds_cityscapes.masks import MaskError, read_label_ids, table_beside
from tfds_cityscapes.masks.tables import PARSERS
from tfds_cityscapes.photos import decode_image

__all__ = ["Item", "Source", "SourceError", "decode_image", "open_source"]
_TOP_DEPTH = 2  # a data set may be one folder deeper, and each part once more


@dataclass
class Source:
    """The files of a data set, in a folder or in zips.

    Attributes:
      uri: the folder or the zip, for messages.
      files: by their names from leftImg8bit or gtFine on.
      items: the images, sorted by id.
      skipped: the files that were not read, and why.
      tables: the names of tables of classes in `files`: at the top of the data set, or in gtFine.
    """

    uri: str
    files: dict[str, File]
    items: tuple[Item, ...] = field(default=())
    skipped: tuple[Skipped, ...] = field(default=())
    tables: frozenset[str] = frozenset()

    def read(self, name: str) -> bytes:
        """Return a file's bytes; SourceError if it does not exist or cannot be read."""
        try:
            return self.files[name].read()
        except (KeyError, *UNREADABLE) as error:
            raise SourceError(f"Cannot read {name} in {self.uri}: {error}.") from error

    def read_label(self, item: Item, size: tuple[int, int] | None = None) -> np.ndarray:
        """Read an item's mask as train ids: uint8 [H, W].

        Raises:
          SourceError: the mask is missing or broken, has another size than `size` (height,
            width), or holds an id that is not in the label table.
        """
        if item.label is None:
            raise SourceError(f"{item.image_id} has no *_gtFine_labelIds.png in {self.uri}.")
        data = self.read(item.label)
        try:
            table = table_beside(item.label, self.tables, self.read)
            mask = read_label_ids(item.label, data, table=table)
        except MaskError as error:
            raise SourceError(f"{item.label}: {error}") from error
        if size is not None and mask.shape != size:
            raise SourceError(
                f"{item.label} does not have the image's size {size[0]}x{size[1]}: it has "
                f"{mask.shape[0]}x{mask.shape[1]}."
            )
        return to_train_ids(mask)

    def read_image(self, item: Item) -> np.ndarray:
        """Read an item's image: uint8 [H, W, 3], RGB. SourceError if it cannot be decoded."""
        return decode_image(item.image, self.read(item.image))

    def fingerprint(self, names: Iterable[str]) -> str:
        """Return a hash of the state of some files: name, size and time (in a zip, the CRC)."""
        digest = hashlib.sha256()
        for name in sorted(names):
            digest.update(f"{name}\0{self.files[name].stamp}\n".encode())
        return digest.hexdigest()


def _tops(root: Path) -> list[Path]:
    """Return the folders leftImg8bit, gtFine and gtCoarse of a data set: the topmost of each.

    Raises:
      SourceError: there is more than one data set.
    """
    found: dict[str, list[Path]] = {}
    folders = [root]
    for _ in range(_TOP_DEPTH + 1):
        level = sorted(path for folder in folders for path in _subfolders(folder))
        here = {path: TOPS[path.name.casefold()] for path in level if path.name.casefold() in TOPS}
        for top in set(here.values()) - set(found):
            found[top] = [path for path, name in here.items() if name == top]
        if IMAGES in found and MASKS in found:
            break
        folders = [path for path in level if path not in here]
    images, masks = ([path.parent for path in found.get(top, [])] for top in (IMAGES, MASKS))
    if len(images) > 1 and set(images) & set(masks):
        raise SourceError(
            f"More than one data set below {root}: {' and '.join(str(path) for path in images[:3])}. "
            "Pass one of them with --data."
        )
    return [path for paths in found.values() for path in paths]


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [Path(e.path) for e in os.scandir(folder) if e.is_dir() and not is_junk(e.name)]
    except OSError:
        return []  # what cannot be listed holds nothing that can be read


class _Collected:
    """Files of a data set from folders and zips, under their names from the top on."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.tables: dict[str, File] = {}
        self.skipped: list[Skipped] = []

    def add_folder(self, top: Path) -> None:
        walk = walk_folder(top)
        self._skip(top.name, walk)
        for file in walk.files:
            self._add(f"{top.name}/{file.name}", file)
        if TOPS[top.name.casefold()] == MASKS:
            for name in PARSERS:
                if (path := top.parent / name).is_file():
                    info = path.stat()
                    stamp = f"{info.st_size} {info.st_mtime_ns}"
                    self._add(name, File(name, stamp, path))

    def add_zip(self, path: Path) -> None:
        try:
            walk = walk_zip(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise SourceError(f"{path} is not a readable zip: {error}.") from error
        self._skip(path.name, walk)
        for file in walk.files:
            base = file.name.rpartition("/")[2]
            if name := from_top(file.name) or (base if base in PARSERS else None):
                self._add(name, file)

    def _skip(self, top: str, walk: Walk) -> None:
        self.skipped += [Skipped(f"{top}/{name}".rstrip("/"), why) for name, why in walk.skipped]

    def _add(self, name: str, file: File) -> None:
        is_table = name.rpartition("/")[2] in PARSERS and not name.startswith(f"{IMAGES}/")
        first = (self.tables if is_table else self.files).setdefault(name, file)
        if first is file:
            return
        # A folder that was unpacked from the zip beside it goes first; it may have been repaired.
        unpacked = first.archive is None and file.archive is not None
        if not unpacked and (first.archive is None or first.stamp != file.stamp):
            raise SourceError(f"{name} occurs twice: {first.shown} and {file.shown}. Remove one.")


def open_source(path: Path) -> Source:
    """Open an extracted folder, a folder that holds the zips (or one of them), or one zip.

    `skipped` of the result lists the files of the data set that were not read.

    Raises:
      SourceError: the path does not exist, no image is in the layout, or an id occurs twice.
    """
    if not os.path.exists(path):
        raise SourceError(f"Data set not found: {path}. Pass its folder or zip with --data.")
    collected = _Collected()
    if path.is_dir():
        tops = _tops(path)
        lost = [p for p in path.glob("*") if p.name.casefold() in TOPS and not p.exists()]
        collected.skipped += [Skipped(p.name, "the link leads nowhere") for p in lost]
        for top in tops:
            collected.add_folder(top)
        zips = [z for z in sorted(path.glob("*.[zZ][iI][pP]")) if not is_junk(z.name)]
        if not {IMAGES, MASKS} <= {TOPS[top.name.casefold()] for top in tops}:
            for archive in zips:
                collected.add_zip(archive)
        else:
            reason = f"{IMAGES} and {MASKS} exist as folders; unpack it, or remove it"
            collected.skipped += [Skipped(archive.name, reason) for archive in zips]
    else:
        collected.add_zip(path)
    items, unread = arrange(
        File(name, file.stamp, file.path, file.archive, file.member)
        for name, file in collected.files.items()
    )
    skipped = (*collected.skipped, *unread)
    if not items:
        raise SourceError(_nothing_found(path, skipped))
    files = collected.files | collected.tables
    return Source(str(path), files, tuple(items), skipped, frozenset(collected.tables))


def _nothing_found(path: Path, skipped: Iterable[Skipped]) -> str:
    """Say that a data set has no images, and what is there instead."""
    inside = next((p for p in (path, *path.parents) if p.name.casefold() in TOPS), None)
    hints = summarize(skipped)
    if inside is not None:
        hints.append(f"Pass the folder that holds {inside.name}: {inside.parent}.")
    elif path.is_dir() and not hints:
        # Not all of the folder: a mistyped path may be the root of a disk.
        seen = islice(
            chain.from_iterable(path.glob("*/" * depth + "*") for depth in range(3)), 9999
        )
        names = sorted(p.relative_to(path).as_posix() for p in seen if looks_like_an_image(p.name))
        if names:
            hints.append(
                f"It has {len(names)} image{'s' * (len(names) > 1)} outside of {IMAGES}, such as {names[0]}."
            )
    return " ".join(
        [
            f"No images found in {path}.",
            *hints,
            f"Expected {IMAGES}/<split>/<city>/*_leftImg8bit.png (a folder, or the zips "
            "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip).",
        ]
    )

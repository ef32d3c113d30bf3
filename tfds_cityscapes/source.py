"""Finds the images and masks of a data set in the Cityscapes layout: a folder, or the two zips.

    leftImg8bit/<split>/<city>/<city>_<sequence>_<frame>_leftImg8bit.png (or .jpg)
    gtFine/<split>/<city>/<city>_<sequence>_<frame>_gtFine_labelIds.png

`<split>/` may be missing: such data is split later, by `split.ratios`.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from tfds_cityscapes.labels import UnknownLabelError, to_train_ids

SPLITS = ("train", "val", "test")
_TOPS = ("leftImg8bit", "gtFine")
_IMAGE = re.compile(
    r"^leftImg8bit/(?:(?P<split>train|val|test)/)?(?P<city>[^/]+)/"
    r"(?P<id>[^/]+)_leftImg8bit\.(?i:png|jpe?g)$"
)
_LABEL = re.compile(
    r"^gtFine/(?:(?:train|val|test)/)?(?P<city>[^/]+)/(?P<id>[^/]+)_gtFine_labelIds\.png$"
)


# What reading a file, or the member of a damaged, cut off or encrypted zip, may raise.
_UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


class SourceError(ValueError):
    """A data set that is missing, empty or broken; the message names the file."""


@dataclass(frozen=True)
class Item:
    """One image of a source: names of its files, relative to the source; `split` may be ""."""

    image_id: str
    city: str
    split: str
    image: str
    label: str | None = None

    @property
    def order(self) -> tuple[str, list[int | str]]:
        """Sorts frames of one city in time: numbers in the id compare as numbers."""
        parts = re.split(r"(\d+)", self.image_id)
        return self.city, [int(p) if p.isdecimal() else p for p in parts]


@dataclass
class Source:
    """The files of a data set, wherever they lie.

    Attributes:
      files: name -> (where it lies, a stamp that changes when the file does).
      items: the images, sorted by id.
    """

    uri: str
    files: dict[str, tuple[Path | zipfile.ZipFile, str]]
    items: tuple[Item, ...] = field(default=())

    def read(self, name: str) -> bytes:
        """Returns a file's bytes; SourceError if it is not there or cannot be read."""
        try:
            place, _ = self.files[name]
            if isinstance(place, zipfile.ZipFile):
                return place.read(_member(place, name))
            return place.read_bytes()
        except (KeyError, *_UNREADABLE) as error:
            raise SourceError(f"{self.uri}: cannot read {name}: {error}.") from error

    def read_label(self, item: Item, size: tuple[int, int] | None = None) -> np.ndarray:
        """Reads an item's mask as train ids: uint8 [H, W].

        Raises:
          SourceError: it is missing, broken, of another size than `size` (height, width), or
            holds an id that the label table does not have.
        """
        if item.label is None:
            raise SourceError(f"{self.uri}: {item.image_id} has no *_gtFine_labelIds.png.")
        mask = _decode(self.read(item.label), cv2.IMREAD_UNCHANGED)
        if mask is None or mask.ndim != 2:
            raise SourceError(
                f"{item.label}: expected a one-channel PNG of label ids; "
                f"got {'a file that no decoder reads' if mask is None else mask.shape}."
            )
        if size is not None and mask.shape != size:
            raise SourceError(
                f"{item.label}: expected the image's size {size[0]}x{size[1]}; "
                f"got {mask.shape[0]}x{mask.shape[1]}."
            )
        try:
            return to_train_ids(mask)
        except UnknownLabelError as error:
            raise SourceError(f"{item.label}: {error}") from error

    def read_image(self, item: Item) -> np.ndarray:
        """Reads an item's image: uint8 [H, W, 3], RGB. SourceError if no decoder reads it."""
        return decode_image(item.image, self.read(item.image))

    def fingerprint(self, names: Iterable[str]) -> str:
        """Identifies the state of some files by name, size and time (in a zip: CRC)."""
        digest = hashlib.sha256()
        for name in sorted(names):
            digest.update(f"{name}\0{self.files[name][1]}\n".encode())
        return digest.hexdigest()


def decode_image(name: str, data: bytes) -> np.ndarray:
    """Decodes an image's file: uint8 [H, W, 3], RGB. SourceError, naming it, if no decoder reads it."""
    image = _decode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{name}: expected a PNG or JPEG image; no decoder reads it.")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _decode(data: bytes, flags: int) -> np.ndarray | None:
    """What OpenCV makes of a file; None if it is empty (an exception in OpenCV) or broken."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None


def _member(archive: zipfile.ZipFile, name: str) -> str:
    """The owner's zips hold the layout at their top; a zip made by hand often one folder down."""
    names = archive.NameToInfo
    return name if name in names else next(n for n in names if n.endswith("/" + name))


def _folder_files(root: Path) -> dict[str, tuple[Path | zipfile.ZipFile, str]]:
    files: dict[str, tuple[Path | zipfile.ZipFile, str]] = {}
    for top in _TOPS:
        for path in (root / top).rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                stat = path.stat()
                name = path.relative_to(root).as_posix()
                files[name] = (path, f"{stat.st_size} {stat.st_mtime_ns}")
    return files


def _zip_files(archives: list[Path]) -> dict[str, tuple[Path | zipfile.ZipFile, str]]:
    files: dict[str, tuple[Path | zipfile.ZipFile, str]] = {}
    for path in archives:
        try:
            archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise SourceError(f"{path}: expected a zip file; {error}.") from error
        for info in archive.infolist():
            match = re.search(r"(?:^|/)((?:leftImg8bit|gtFine)/.+)$", info.filename)
            # A zip made on a Mac holds, beside each file, a hidden one that looks like it.
            hidden = info.filename.rpartition("/")[2].startswith(".")
            if match and not info.is_dir() and not hidden:
                files[match.group(1)] = (archive, f"{info.file_size} {info.CRC}")
    return files


def open_source(path: Path) -> Source:
    """Opens an extracted folder, a folder that holds the zips (or one of them), or one zip.

    Raises:
      SourceError: nothing is there, there is no image in the layout, or an id occurs twice.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such folder or zip. Say where the data lies with --data.")
    if path.is_dir():
        files = _folder_files(path)
        if not all((path / top).is_dir() for top in _TOPS):
            files = _zip_files(sorted(path.glob("*.zip"))) | files
    else:
        files = _zip_files([path])
    labels = {m.group("id"): name for name in files if (m := _LABEL.match(name))}
    items: dict[str, Item] = {}
    for name in sorted(files):
        if not (match := _IMAGE.match(name)):
            continue
        image_id = match.group("id")
        if image_id in items:
            raise SourceError(f"{name}: the image id {image_id} is also {items[image_id].image}.")
        items[image_id] = Item(
            image_id, match.group("city"), match.group("split") or "", name, labels.get(image_id)
        )
    if not items:
        raise SourceError(
            f"{path}: expected leftImg8bit/<split>/<city>/*_leftImg8bit.png (a folder, or the "
            "zips leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip); found no such image."
        )
    return Source(str(path), files, tuple(items[i] for i in sorted(items)))

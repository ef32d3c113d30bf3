"""Find the images and masks of a data set in the Cityscapes layout: a folder, or the two zips.

    leftImg8bit/<split>/<city>/<city>_<sequence>_<frame>_leftImg8bit.png (or .jpg)
    gtFine/<split>/<city>/<city>_<sequence>_<frame>_gtFine_labelIds.png

`<split>/` may be missing; such data is divided later, by `split.ratios`.
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
# What the read of a file, or of the member of a damaged, cut off or encrypted zip, may raise.
_UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


class SourceError(ValueError):
    """The data set is missing, empty or broken; the message names the file."""


@dataclass(frozen=True)
class Item:
    """One image of a source, with the names of its files in the source; `split` may be ""."""

    image_id: str
    city: str
    split: str
    image: str
    label: str | None = None

    @property
    def order(self) -> tuple[str, list[int | str]]:
        """A key that sorts the frames of one city in time: numbers in the id compare as numbers."""
        parts = re.split(r"(\d+)", self.image_id)
        return self.city, [int(p) if p.isdecimal() else p for p in parts]


@dataclass
class Source:
    """The files of a data set, in a folder or in zips.

    Attributes:
      uri: the folder or the zip, for messages.
      files: name -> (its path or its zip, a stamp that changes when the file does).
      items: the images, sorted by id.
    """

    uri: str
    files: dict[str, tuple[Path | zipfile.ZipFile, str]]
    items: tuple[Item, ...] = field(default=())

    def read(self, name: str) -> bytes:
        """Return a file's bytes; SourceError if it does not exist or cannot be read."""
        try:
            place, _ = self.files[name]
            if isinstance(place, zipfile.ZipFile):
                return place.read(_member(place, name))
            return place.read_bytes()
        except (KeyError, *_UNREADABLE) as error:
            raise SourceError(f"Cannot read {name} in {self.uri}: {error}.") from error

    def read_label(self, item: Item, size: tuple[int, int] | None = None) -> np.ndarray:
        """Read an item's mask as train ids: uint8 [H, W].

        Raises:
          SourceError: the mask is missing or broken, has another size than `size` (height,
            width), or holds an id that is not in the label table.
        """
        if item.label is None:
            raise SourceError(f"{item.image_id} has no *_gtFine_labelIds.png in {self.uri}.")
        mask = _decode(self.read(item.label), cv2.IMREAD_UNCHANGED)
        if mask is None or mask.ndim != 2:
            raise SourceError(
                f"{item.label} is not a one-channel PNG of label ids: "
                f"{'it cannot be decoded' if mask is None else f'its shape is {mask.shape}'}."
            )
        if size is not None and mask.shape != size:
            raise SourceError(
                f"{item.label} does not have the image's size {size[0]}x{size[1]}: it has "
                f"{mask.shape[0]}x{mask.shape[1]}."
            )
        try:
            return to_train_ids(mask)
        except UnknownLabelError as error:
            raise SourceError(f"{item.label}: {error}") from error

    def read_image(self, item: Item) -> np.ndarray:
        """Read an item's image: uint8 [H, W, 3], RGB. SourceError if it cannot be decoded."""
        return decode_image(item.image, self.read(item.image))

    def fingerprint(self, names: Iterable[str]) -> str:
        """Return a hash of the state of some files: name, size and time (in a zip, the CRC)."""
        digest = hashlib.sha256()
        for name in sorted(names):
            digest.update(f"{name}\0{self.files[name][1]}\n".encode())
        return digest.hexdigest()


def decode_image(name: str, data: bytes) -> np.ndarray:
    """Decode an image file: uint8 [H, W, 3], RGB. SourceError, with its name, if that fails."""
    image = _decode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{name} cannot be decoded. Expected a PNG or JPEG image.")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _decode(data: bytes, flags: int) -> np.ndarray | None:
    """Decode with OpenCV; None if the file is empty (which OpenCV raises on) or broken."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None


def _member(archive: zipfile.ZipFile, name: str) -> str:
    """Return the full name: official zips have the layout at the top, others one folder below."""
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
            raise SourceError(f"{path} is not a readable zip: {error}.") from error
        for info in archive.infolist():
            match = re.search(r"(?:^|/)((?:leftImg8bit|gtFine)/.+)$", info.filename)
            # A zip made by macOS holds a hidden file of a similar name beside each file.
            hidden = info.filename.rpartition("/")[2].startswith(".")
            if match and not info.is_dir() and not hidden:
                files[match.group(1)] = (archive, f"{info.file_size} {info.CRC}")
    return files


def open_source(path: Path) -> Source:
    """Open an extracted folder, a folder that holds the zips (or one of them), or one zip.

    Raises:
      SourceError: the path does not exist, no image is in the layout, or an id occurs twice.
    """
    if not path.exists():
        raise SourceError(f"Data set not found: {path}. Pass its folder or zip with --data.")
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
            raise SourceError(
                f"Image id {image_id} occurs twice: {items[image_id].image} and {name}."
            )
        items[image_id] = Item(
            image_id, match.group("city"), match.group("split") or "", name, labels.get(image_id)
        )
    if not items:
        raise SourceError(
            f"No images found in {path}. Expected leftImg8bit/<split>/<city>/*_leftImg8bit.png (a "
            "folder, or the zips leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip)."
        )
    return Source(str(path), files, tuple(items[i] for i in sorted(items)))

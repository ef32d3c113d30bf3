"""Walk a folder or a zip: the files that a person means, each with one spelling of its name.

Names are relative, in Unicode's composed form (NFC), and separated by "/". Hidden files and what
systems leave behind (`._x`, `__MACOSX`, `Thumbs.db`) are passed over; whatever else cannot be
read is listed with the reason, so that nothing is missing in silence.
"""

from __future__ import annotations

import lzma
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tfds_cityscapes.names import as_one_line, why_not_one_line

IMAGE_ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff"}
)
# Recognised, so that they can be reported, but not read.
_OTHER_IMAGES = frozenset(
    {".heic", ".heif", ".avif", ".gif", ".jp2", ".jxl", ".dng", ".cr2", ".cr3"}
)
_OTHER_IMAGES |= {".nef", ".arw", ".raw", ".exr", ".hdr", ".svg", ".psd", ".ppm", ".pgm", ".npy"}
_JUNK = re.compile(
    r"(?:^|/)(?:\.[^/]+|__MACOSX|Thumbs\.db|ehthumbs\.db|desktop\.ini|@eaDir|\$RECYCLE\.BIN|lost\+found)"
    r"(?:/|$)",
    re.IGNORECASE,
)

# What the read of a file, or of the member of a damaged, cut off or encrypted zip, may raise.
UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError)


class SourceError(ValueError):
    """The data is missing, empty or broken; the message names the file."""


class Skipped(NamedTuple):
    """A file or folder that was not read, and why (with the remedy, without a full stop)."""

    name: str
    reason: str


@dataclass(frozen=True)
class File:
    """One file.

    Attributes:
      name: relative to what was walked.
      stamp: changes when the file does: size and time, in a zip size and CRC.
      path: of the file, or of the zip that holds it.
      archive: the zip, if any, and `member` its entry.
    """

    name: str
    stamp: str
    path: Path
    archive: zipfile.ZipFile | None = None
    member: zipfile.ZipInfo | None = None

    def read(self) -> bytes:
        """Return the content; one of UNREADABLE if that fails."""
        if self.archive is not None and self.member is not None:
            return self.archive.read(self.member)
        return self.path.read_bytes()

    @property
    def shown(self) -> str:
        """Where the file is, for messages."""
        return str(self.path) if self.member is None else f"{self.path}/{self.name}"


class Walk(NamedTuple):
    """What a folder or a zip holds: the files, sorted by name, and what was not read."""

    files: list[File]
    skipped: list[Skipped]


def spell(name: str) -> str:
    """Return a name as the walker spells it: composed, with forward slashes."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./"))


def is_junk(name: str) -> bool:
    """Return whether a relative name is hidden, or something that a system left behind."""
    return bool(_JUNK.search(name))


def ending(name: str) -> str:
    """Return a name's ending in lower case, with its dot; "" without one."""
    return os.path.splitext(name)[1].lower()


def why_not_an_image(name: str) -> str | None:
    """Return why a file cannot be an image, by its ending; None if it can be one."""
    found = ending(name)
    if found in IMAGE_ENDINGS:
        return None
    if found in _OTHER_IMAGES:
        return f"{found[1:].upper()} is not supported; convert it to PNG or JPEG"
    return "it is not a PNG, JPEG, WebP, BMP or TIFF file"


def looks_like_an_image(name: str) -> bool:
    """Return whether a name has the ending of any kind of image, supported or not."""
    return ending(name) in IMAGE_ENDINGS | _OTHER_IMAGES


def summarize(skipped: Iterable[Skipped]) -> list[str]:
    """Return one sentence for each reason: how many files, an example, the reason."""
    names: dict[str, list[str]] = {}
    for name, reason in skipped:
        names.setdefault(reason, []).append(name)
    return [
        f"{many[0]} was not read: {reason}."
        if len(many) == 1
        else f"{len(many)} files were not read, such as {min(many)}: {reason}."
        for reason, many in names.items()
    ]


def walk_folder(root: Path) -> Walk:
    """List the files below a folder; links are followed, except into a folder that they are in."""
    walk = Walk([], [])
    _walk(root, "", (), walk)
    walk.files.sort(key=lambda file: file.name)
    return walk


def _walk(folder: Path, below: str, above: tuple[tuple[int, int], ...], walk: Walk) -> None:
    try:
        here = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        walk.skipped.append(Skipped(below, f"the folder is not readable ({error.strerror})"))
        return
    place = (here.st_dev, here.st_ino)
    if place in above:
        walk.skipped.append(Skipped(below, "it is a link to a folder that contains it"))
        return
    for entry in entries:
        name = f"{below}/{spell(entry.name)}" if below else spell(entry.name)
        if is_junk(name):
            continue
        if reason := why_not_one_line(name):
            walk.skipped.append(Skipped(as_one_line(name), reason))
            continue
        try:
            info = entry.stat()
        except OSError as error:
            reason = "the link leads nowhere" if entry.is_symlink() else f"{error.strerror}"
            walk.skipped.append(Skipped(name, reason))
            continue
        if stat.S_ISDIR(info.st_mode):
            _walk(Path(entry.path), name, (*above, place), walk)
        elif stat.S_ISREG(info.st_mode):
            walk.files.append(File(name, f"{info.st_size} {info.st_mtime_ns}", Path(entry.path)))
        else:
            walk.skipped.append(Skipped(name, "it is not a regular file"))


def walk_zip(path: Path) -> Walk:
    """List the files of a zip; OSError or BadZipFile if it cannot be opened."""
    archive = zipfile.ZipFile(path)
    walk = Walk([], [])
    last = {info.filename: info for info in archive.infolist()}  # as unzip does with repetitions
    for info in last.values():
        name = spell(_member_name(info))
        if name.endswith("/") or info.is_dir() or is_junk(name):
            continue
        if unusable := why_not_one_line(name):
            walk.skipped.append(Skipped(as_one_line(name), unusable))
        elif stat.S_ISLNK(info.external_attr >> 16):
            reason = "it is a link; put the file itself into the zip"
            walk.skipped.append(Skipped(name, reason))
        elif info.flag_bits & 1:
            walk.skipped.append(Skipped(name, "it is encrypted; make the zip without a password"))
        else:
            stamp = f"{info.file_size} {info.CRC}"
            walk.files.append(File(name, stamp, path, archive, info))
    walk.files.sort(key=lambda file: file.name)
    return walk


def _member_name(info: zipfile.ZipInfo) -> str:
    """Return an entry's name; some tools write UTF-8 without the flag that says so."""
    if not info.flag_bits & 0x800:
        try:
            return info.filename.encode("cp437").decode()
        except UnicodeError:
            pass
    return info.filename

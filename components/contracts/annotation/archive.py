"""Read zips from strangers without surprises.

Nothing is ever unpacked to disk. Names that lead out of the zip, links, encrypted entries and
entries that unpack to far more than their own size are rejected one by one; the rest can be read.
"""

from __future__ import annotations

import io
import lzma
import re
import stat
import unicodedata
import zipfile
import zlib
from contextlib import suppress

from components.contracts.annotation.fields import clean, quote
from components.contracts.annotation.limits import MIB, Limits
from components.contracts.annotation.model import AnnotationError, Refusal

_JUNK = re.compile(r"(^|/)(__MACOSX/|\.|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_UTF8 = 1 << 11  # the flag of an entry whose name is in UTF-8
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    IndexError,
    KeyError,
)


class Archive:
    """The entries of a zip that may be read, by name; `refusals` holds the others."""

    def __init__(self, name: str, data: bytes, limits: Limits) -> None:
        """Open a zip; AnnotationError if it is broken, or too large in total."""
        self.name = name
        self.refusals: list[Refusal] = []
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._left = limits.max_unpacked_bytes
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            # A zip of Windows may write a folder with a backslash at its end.
            entries = [
                entry for entry in self._zip.infolist() if not entry.filename.endswith(("/", "\\"))
            ]
        except _BROKEN as error:
            raise AnnotationError(
                "The zip is cut off or damaged. Export or copy it again."
            ) from error
        if len(entries) > limits.max_members:
            raise AnnotationError(
                f"The zip holds {len(entries):,} files; at most {limits.max_members:,} files are "
                "accepted. Split the export."
            )
        if sum(entry.file_size for entry in entries) > limits.max_unpacked_bytes:
            raise AnnotationError(
                f"The zip unpacks to more than {limits.max_unpacked_bytes // MIB:,} MiB. Split the "
                "export."
            )
        for entry in entries:
            self._admit(entry, limits)

    @property
    def names(self) -> list[str]:
        """The names that `read` accepts, sorted; folders are separated by "/"."""
        return sorted(self._entries)

    def label(self, member: str) -> str:
        """Return the name of an entry for a report."""
        return clean(f"{self.name}/{member}", 400)

    def read(self, member: str) -> bytes:
        """Return the content of an entry; AnnotationError if it is damaged."""
        entry = self._entries[member]
        try:
            with self._zip.open(entry) as stream:
                content = stream.read(min(entry.file_size, self._left) + 1)
        except _BROKEN as error:
            raise AnnotationError(
                "This file of the zip is damaged. Export or copy the zip again."
            ) from error
        self._left -= len(content)
        if self._left < 0 or len(content) > entry.file_size:
            raise AnnotationError("The zip unpacks to more than it says. Export or copy it again.")
        return content

    def _admit(self, entry: zipfile.ZipInfo, limits: Limits) -> None:
        name = _plain_name(entry)
        reason = _why_not(name, entry, limits)
        if reason is None and name in self._entries:
            reason = "The zip holds two files of this name. Rename one of them."
        if reason is not None:
            self.refusals.append(Refusal(self.label(name), reason))
        elif not _JUNK.search(name):
            self._entries[name] = entry


def _plain_name(entry: zipfile.ZipInfo) -> str:
    """Return the name of an entry as other systems write it: `/` between folders, composed accents.

    macOS decomposes accents, and writes UTF-8 without saying so.
    """
    name = entry.filename
    if not entry.flag_bits & _UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part != ".")


def _why_not(name: str, entry: zipfile.ZipInfo, limits: Limits) -> str | None:
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", parts[0]):
        return f"The name {quote(name)} leads out of the zip. Pack the folder itself, with plain names."
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "This is a link and not a file. Put the file itself into the zip."
    if entry.flag_bits & 1:
        return "This file is encrypted. Make the zip without a password."
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "This file has an unusual compression. Make the zip with the usual one (deflate), or none."
    if entry.file_size > max(MIB, limits.max_ratio * entry.compress_size):
        return (
            f"This file unpacks to over {limits.max_ratio} times its size: {entry.file_size:,} bytes "
            f"from {entry.compress_size:,}. Hand it in without the zip."
        )
    return None

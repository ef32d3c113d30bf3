"""The inbox of a campaign: hand exports in, and tell which of them are completely copied."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from components.contracts.ledger.layout import INBOX
from components.contracts.process.errors import UsageError
from components.contracts.storage.base import Storage
from tfds_cityscapes.names import is_one_line

BY = "@"  # begins a folder of the inbox that names the annotator: inbox/@ann/mask.png


def arrived(names: Sequence[str]) -> list[str]:
    """Return the files that are complete: `.part` and dotfiles are still being copied.

    A name that cannot be printed (a line break, bytes that are not text) cannot be stored either.
    """
    return [
        name
        for name in names
        if not name.endswith(".part")
        and is_one_line(name)
        and not any(part.startswith(".") for part in PurePosixPath(name).parts)
    ]


def hand_in(storage: Storage, files: Sequence[Path], annotator: str | None = None) -> list[str]:
    """Copy exports into the inbox, each atomically; return their names in the storage.

    Args:
      storage: the campaign root.
      files: what people exported. All are checked before the first is copied.
      annotator: who made them, if their format does not say.

    Raises:
      UsageError: a file would be lost on the way, or the annotator's name is not possible.
    """
    _check(files, annotator)
    return [put(storage, path.name, path.read_bytes(), annotator) for path in files]


def put(storage: Storage, file_name: str, data: bytes, annotator: str | None = None) -> str:
    """Store an export in the inbox under its own name; return the name in the storage.

    The name is kept because it may say which image a mask belongs to. A file of that name with other
    content is not replaced: the new one goes into a folder named by its hash.
    """
    folder = f"{INBOX}/{BY}{annotator}" if annotator else INBOX
    name = f"{folder}/{file_name}"
    try:
        storage.create(name, data)
    except FileExistsError:
        with suppress(FileNotFoundError):  # a cycle has just ingested it
            if storage.read(name) == data:
                return name
        name = f"{folder}/{hashlib.sha256(data).hexdigest()[:12]}/{file_name}"
        storage.write(name, data)
    return name


def _readable(path: Path) -> bool:
    try:
        if path.is_file():  # opening a pipe would wait for its writer
            path.open("rb").close()
            return True
    except OSError:
        pass
    return False


def _check(files: Sequence[Path], annotator: str | None) -> None:
    # These load the image libraries.
    from components.contracts.annotation import class_tables
    from components.contracts.annotation.limits import MIB, Limits

    missing = [str(path) for path in files if not _readable(path)]
    if missing:
        raise UsageError(
            f"Not a file that can be read: {', '.join(missing)}. Nothing was copied. Name files, not "
            "folders: pack a folder as a zip, or use folder/*.png."
        )
    unseen = [str(path) for path in files if not arrived([path.name])]
    if unseen:
        raise UsageError(
            f"The inbox would ignore {', '.join(unseen)!r}: .part, a leading dot or a line break marks "
            "a file that is still being copied. Nothing was copied. Rename the files."
        )
    most = Limits().max_file_bytes
    large = [str(path) for path in files if path.stat().st_size > most]
    if large:
        raise UsageError(
            f"Too large: {', '.join(large)}; at most {most // MIB} MiB are possible. Nothing was "
            "copied. Export fewer images at a time."
        )
    for path in files:
        masks = path.suffix.lower() == ".png"
        if table := class_tables.name_beside(path) if masks else class_tables.name_of(path.name):
            raise UsageError(
                f"{table} says what the ids and colours of {path if masks else 'masks'} mean, and would "
                "be lost. Nothing was copied. Pack masks and table as one zip, or move the table away "
                "if it belongs to other masks."
            )
    if annotator is not None and not (
        is_one_line(annotator) and re.fullmatch(r"[^./\\\s][^/\\]{0,99}", annotator)
    ):
        raise UsageError(
            f"Not a possible annotator's name: {annotator!r}. Expected at most 100 characters, without "
            "/ and \\ and without a dot at the start."
        )

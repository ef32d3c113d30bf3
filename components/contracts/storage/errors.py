"""Explain to a user what a storage could not do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.contracts.process.errors import StreetloopError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class StorageError(StreetloopError):
    """The folder or the bucket could not do what was asked: it is full, denied or out of reach."""

    transient = True


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of the file system into a StorageError that names the path and the remedy.

    FileNotFoundError and FileExistsError pass: they belong to the contract of `Storage`.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError as error:
        if error.errno in FULL:
            advice = "Free space on that disk (or raise the quota) and run the same command again."
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            advice = (
                "Check the folder's owner, its permissions and whether it is mounted read-only."
            )
        else:
            advice = "Check the disk, then run the same command again: no partial file was kept."
        raise StorageError(f"Could not use {path}: {error.strerror or error}. {advice}") from error


@contextmanager
def as_missing(path: Path) -> Iterator[None]:
    """Raise FileNotFoundError where a path leads to a folder, or through a file."""
    try:
        yield
    except (IsADirectoryError, NotADirectoryError):
        raise FileNotFoundError(str(path)) from None

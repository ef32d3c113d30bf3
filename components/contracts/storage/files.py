"""Files on a local disk: replaced as a whole, made durable, and errors that say what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.contracts.storage.base import StorageError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into a StorageError that names the path and what to do."""
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
            advice = "Check the disk, then run the same command again: nothing half-done was kept."
        raise StorageError(f"Could not use {path}: {error.strerror or error}. {advice}") from error


@contextmanager
def as_missing(path: Path) -> Iterator[None]:
    """A folder, or a path through a file, is no file of that name."""
    try:
        yield
    except (IsADirectoryError, NotADirectoryError):
        raise FileNotFoundError(str(path)) from None

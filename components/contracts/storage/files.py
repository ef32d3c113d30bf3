"""Durable changes below a folder: a file, and the name that leads to it, survive a power cut."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from components.contracts.storage.errors import StorageError

LEFTOVER_AGE_S = 24 * 3600.0


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DurableFiles:
    """The files below `root`; they are written in `temporary` and appear by link or rename."""

    def __init__(self, root: Path, temporary: Path) -> None:
        self._root, self._temporary = root, temporary
        self._synced: set[Path] = set()

    def make_folder(self, folder: Path) -> None:
        """Make a folder whose own entry is durable, even if another process has just made it."""
        if folder in self._synced and folder.is_dir():
            return
        if self._root not in folder.parents and folder.is_dir():
            return  # the root or a folder above it that existed before
        self.make_folder(folder.parent)
        try:
            folder.mkdir(exist_ok=True)
        except FileExistsError:
            raise StorageError(f"{folder} is a file where a folder is needed. Move it.") from None
        fsync_folder(folder.parent)
        self._synced.add(folder)

    def publish(self, target: Path, fill: Callable[[BinaryIO], object], *, replace: bool) -> None:
        """Fill a temporary file, make it durable, give it its name, make the name durable.

        Raises:
            FileExistsError: `target` exists and `replace` is false.
        """
        temporary = self._new_temporary()
        try:
            with open(temporary, "xb") as file:
                fill(file)
                file.flush()
                # Lets `stamp` tell it from a file that is still being written: the kernel's own
                # times are rounded, and the file may get its name in the same tick.
                os.utime(file.fileno(), ns=(time.time_ns(),) * 2)
                os.fsync(file.fileno())
            for attempt in range(100):
                try:
                    self.make_folder(target.parent)
                    if replace:
                        os.replace(temporary, target)
                    else:
                        os.link(temporary, target)
                    fsync_folder(target.parent)
                    return
                except FileExistsError:
                    fsync_folder(target.parent)
                    raise
                except FileNotFoundError:
                    # Someone deleted the folder after it was made and before it was used.
                    if attempt == 99 or not temporary.exists():
                        raise
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()

    def delete_folder(self, folder: Path) -> None:
        """Delete a folder in a single operation: a kill must not leave half of it."""
        doomed = self._new_temporary()
        os.rename(folder, doomed)
        fsync_folder(folder.parent)
        shutil.rmtree(doomed)

    def tidy(self) -> None:
        """Delete temporary files that are over a day old: killed processes left them.

        What cannot be deleted stays: another user's, and what NFS keeps for whoever has it open.
        """
        with suppress(OSError):
            for path in self._temporary.iterdir():
                with suppress(OSError):
                    if time.time() - path.lstat().st_mtime > LEFTOVER_AGE_S:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _new_temporary(self) -> Path:
        self.make_folder(self._temporary)
        return self._temporary / uuid.uuid4().hex

"""A campaign root in a folder: durable, atomic files on a file system with hard links."""

from __future__ import annotations

import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from components.contracts.process.files import replace as replace_file
from components.contracts.storage.base import (
    PRIVATE,
    SETTLED_S,
    Names,
    Stamp,
    Storage,
    StorageError,
    check_name,
    check_prefix,
    observed,
)
from components.contracts.storage.files import as_missing, explained, fsync_folder

NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
LEFTOVER_AGE_S = 24 * 3600.0


class FolderStorage(Storage):
    """See `Storage`. Files are written in `.streetloop/tmp` and appear by link or rename."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().absolute()
        self.uri = str(self.root)
        self._temporary = self.root / PRIVATE / "tmp"
        self._synced: set[Path] = set()

    def _path(self, name: str) -> Path:
        return self.root / check_name(name)

    def check_usable(self) -> None:
        probe = self.root / PRIVATE / f"probe-{uuid.uuid4().hex}"
        with explained(self.root):
            try:
                self._publish(probe, lambda file: file.write(b"probe"), replace=False)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                raise StorageError(
                    f"{self.root} is on a file system without hard links ({error.strerror}); the "
                    "ledger needs them to be safe with several writers. Put the campaign root on a "
                    "local disk, on NFS, or in a bucket (gs://bucket/prefix)."
                ) from error
            try:
                self._publish(probe, lambda file: file.write(b"again"), replace=False)
            except FileExistsError:
                return
            finally:
                probe.unlink()
        raise StorageError(
            f"{self.root} is on a file system where a link replaces a file; choose another root."
        )

    def read(self, name: str) -> bytes:
        path = self._path(name)
        with explained(path), as_missing(path):
            return path.read_bytes()

    def exists(self, name: str) -> bool:
        return self._path(name).is_file()

    def list(self, prefix: str = "") -> Names:
        top = self.root / check_prefix(prefix)
        names = []
        for folder, folders, files in os.walk(top, onerror=_unless_missing):
            if folder == self.uri and PRIVATE in folders:
                folders.remove(PRIVATE)
            base = os.path.relpath(folder, self.root).replace(os.sep, "/")
            names += files if base == "." else [f"{base}/{file}" for file in files]
        return sorted(names)

    def create(self, name: str, data: bytes) -> None:
        target = self._path(name)
        with observed("create", name), explained(target):
            if os.path.lexists(target):
                # Another process may have linked it a moment ago: whoever is told "it is there" may
                # rely on it.
                fsync_folder(target.parent)
                raise FileExistsError(str(target))
            self._publish(target, lambda file: file.write(data), replace=False)

    def write(self, name: str, data: bytes) -> None:
        target = self._path(name)
        with observed("write", name), explained(target):
            self._publish(target, lambda file: file.write(data), replace=True)

    def stamp(self, name: str) -> Stamp:
        path = self._path(name)
        with explained(path), as_missing(path):
            found = path.stat()
        # Writing sets both times at once; a name given later, or a time set by hand, only one.
        written = found.st_mtime_ns == found.st_ctime_ns
        fresh = abs(time.time() - found.st_mtime) < SETTLED_S
        arrived = datetime.fromtimestamp(found.st_ctime, UTC)
        return Stamp(found.st_size, arrived, not (written and fresh), _version(found))

    def delete(self, name: str, only: Stamp | None = None) -> None:
        target = self._path(name)
        with observed("delete", name), explained(target), suppress(*NO_FILE):
            if only is None or _version(target.stat()) == only.version:
                target.unlink()
                fsync_folder(target.parent)

    def move(self, name: str, to: str, only: Stamp) -> None:
        source, target = self._path(name), self._path(to)
        with observed("move", name), explained(source), suppress(*NO_FILE):
            if _version(source.stat()) == only.version:
                self._make_folder(target.parent)
                os.replace(source, target)
                fsync_folder(target.parent)
                fsync_folder(source.parent)

    def delete_prefix(self, prefix: str) -> None:
        prefix = check_prefix(prefix, allow_root=False)
        target = self.root / prefix
        if not target.is_dir():
            return
        with observed("delete_prefix", prefix), explained(target), suppress(FileNotFoundError):
            # It disappears at once: a kill in between must not leave half of it.
            self._make_folder(self._temporary)
            doomed = self._temporary / uuid.uuid4().hex
            os.rename(target, doomed)
            fsync_folder(target.parent)
            shutil.rmtree(doomed)

    def put_file(self, local: Path, name: str) -> None:
        target = self._path(name)
        with observed("put_file", name), explained(target), open(local, "rb") as source:
            if target.exists() and os.path.samefile(local, target):
                os.fsync(source.fileno())
                self._make_folder(target.parent)
                fsync_folder(target.parent)
                return
            self._publish(
                target, lambda file: shutil.copyfileobj(source, file, 1 << 20), replace=True
            )

    def get_file(self, name: str, local: Path) -> None:
        source = self._path(name)
        with explained(local), as_missing(source), open(source, "rb") as file:
            replace_file(local, lambda out: shutil.copyfileobj(file, out, 1 << 20))

    def local_dir(self, prefix: str) -> Path:
        folder = self.root / check_prefix(prefix)
        if not folder.is_dir():
            raise FileNotFoundError(str(folder))
        return folder

    def make_durable(self, prefix: str) -> None:
        folder = self.root / check_prefix(prefix)
        with explained(folder):
            fsync_folder(folder)

    def tidy(self) -> None:
        with suppress(FileNotFoundError):
            for path in self._temporary.iterdir():
                with suppress(FileNotFoundError):
                    if time.time() - path.lstat().st_mtime > LEFTOVER_AGE_S:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _make_folder(self, folder: Path) -> None:
        """Make a folder whose own entry is durable, also when another process has just made it."""
        if folder in self._synced and folder.is_dir():
            return
        if self.root not in folder.parents and folder.is_dir():
            return  # the root or above it, there before us
        self._make_folder(folder.parent)
        try:
            folder.mkdir(exist_ok=True)
        except FileExistsError:
            raise StorageError(f"Expected a folder at {folder}, found a file.") from None
        fsync_folder(folder.parent)
        self._synced.add(folder)

    def _publish(self, target: Path, fill: Callable[[BinaryIO], object], *, replace: bool) -> None:
        """Fill a temporary file, make it durable, give it its name, make the name durable."""
        self._make_folder(self._temporary)
        temporary = self._temporary / uuid.uuid4().hex
        try:
            with open(temporary, "xb") as file:
                fill(file)
                file.flush()
                # So that `stamp` tells it from a file that is still being written: the kernel's own
                # times are rounded, and the file may get its name in the same tick.
                os.utime(file.fileno(), ns=(time.time_ns(),) * 2)
                os.fsync(file.fileno())
            for attempt in range(100):
                try:
                    self._make_folder(target.parent)
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
                    # Someone deleted the folder between our making it and our using it.
                    if attempt == 99 or not temporary.exists():
                        raise
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()


def _version(found: os.stat_result) -> tuple[int, ...]:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise StorageError(f"Could not list {error.filename}: {error.strerror}.") from error

"""A campaign root in a folder: durable, atomic files on a file system with hard links."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from components.contracts.process.files import replace as replace_file
from components.contracts.process.uri import user_path
from components.contracts.storage.base import SETTLED_S, Names, Stamp, Storage, observed
from components.contracts.storage.errors import StorageError, as_missing, explained
from components.contracts.storage.files import DurableFiles, fsync_folder
from components.contracts.storage.names import PRIVATE, check_name, check_prefix

NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class FolderStorage(Storage):
    """See `Storage`. Files are written in `.streetloop/tmp` and appear by link or rename."""

    def __init__(self, root: str | Path) -> None:
        self.root = user_path(str(root)).absolute()
        self.uri = str(self.root)
        self._files = DurableFiles(self.root, self.root / PRIVATE / "tmp")

    def _path(self, name: str) -> Path:
        return self.root / check_name(name)

    def check_usable(self) -> None:
        try:
            self._probe()
        except StorageError as error:
            if getattr(error.__cause__, "errno", None) == errno.EACCES:
                raise StorageError(self._denied()) from error
            raise

    def free_bytes(self) -> int | None:
        with explained(self.root):
            space = shutil.disk_usage(self._nearest())
        return space.free if space.total else None  # some network file systems report nothing

    def _nearest(self) -> Path:
        """Return the root, or the nearest folder above it that exists."""
        return next(folder for folder in (self.root, *self.root.parents) if folder.is_dir())

    def _denied(self) -> str:
        folder = self._nearest()
        status = folder.stat()
        return (
            f"{self.root} cannot be written: {folder} belongs to user {status.st_uid} and group "
            f"{status.st_gid} with mode {stat.S_IMODE(status.st_mode):04o}, and this process runs as "
            f"user {os.geteuid()} and group {os.getegid()}. On a Kubernetes volume, set an fsGroup or "
            "run containers/prepare-volume.yaml (docs/how-to/cluster.md, Volumes); elsewhere change "
            "the folder's owner or mode."
        )

    def _probe(self) -> None:
        probe = self.root / PRIVATE / f"probe-{uuid.uuid4().hex}"
        with explained(self.root):
            try:
                self._files.publish(probe, lambda file: file.write(b"probe"), replace=False)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                raise StorageError(
                    f"{self.root} is on a file system without hard links ({error.strerror}); the "
                    "ledger needs them to be safe with several writers. Put the campaign root on a "
                    "local disk, on NFS, or in a bucket (gs:// or s3://bucket/prefix)."
                ) from error
            try:
                self._files.publish(probe, lambda file: file.write(b"other"), replace=True)
                self._files.publish(probe, lambda file: file.write(b"again"), replace=False)
            except FileExistsError:
                return
            finally:
                probe.unlink()
        raise StorageError(
            f"{self.root} is on a file system where a link replaces a file, so it cannot keep a "
            "ledger. Choose another campaign root."
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
                # Another process may have linked it a moment ago, and the caller may rely on a
                # FileExistsError: the file must survive a power cut from now on.
                fsync_folder(target.parent)
                raise FileExistsError(str(target))
            self._files.publish(target, lambda file: file.write(data), replace=False)

    def write(self, name: str, data: bytes) -> None:
        target = self._path(name)
        with observed("write", name), explained(target):
            self._files.publish(target, lambda file: file.write(data), replace=True)

    def stamp(self, name: str) -> Stamp:
        path = self._path(name)
        with explained(path), as_missing(path):
            status = path.stat()
        # Writing sets both times to the same value; a rename, or a time set by hand, only one.
        written = status.st_mtime_ns == status.st_ctime_ns
        fresh = abs(time.time() - status.st_mtime) < SETTLED_S
        arrived = datetime.fromtimestamp(status.st_ctime, UTC)
        return Stamp(status.st_size, arrived, not (written and fresh), _version(status))

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
                self._files.make_folder(target.parent)
                os.replace(source, target)
                fsync_folder(target.parent)
                fsync_folder(source.parent)

    def delete_prefix(self, prefix: str) -> None:
        prefix = check_prefix(prefix, allow_root=False)
        target = self.root / prefix
        if target.is_dir():
            with observed("delete_prefix", prefix), explained(target), suppress(FileNotFoundError):
                self._files.delete_folder(target)

    def put_file(self, local: Path, name: str) -> None:
        target = self._path(name)
        with observed("put_file", name), explained(target), open(local, "rb") as source:
            if target.exists() and os.path.samefile(local, target):
                os.fsync(source.fileno())
                self._files.make_folder(target.parent)
                fsync_folder(target.parent)
                return
            self._files.publish(
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
        self._files.tidy()


def _version(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise StorageError(f"Could not list {error.filename}: {error.strerror}.") from error

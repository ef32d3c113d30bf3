"""The lock of the local command: the kernel releases it when the process dies."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from components.contracts.process.errors import StreetloopError
from components.contracts.process.uri import user_path
from components.contracts.storage.base import Storage
from components.contracts.storage.folder import FolderStorage
from components.contracts.storage.names import PRIVATE

# Where the locks of buckets are. Every command of a user has to look in the same place: not in $TMPDIR, which
# a shell, cron and a batch system set in different ways, and not in the home folder, which may be read-only,
# or shared with other machines. The first that can be written counts.
_PLACES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - whose folder it is gets checked


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until no other process is in the block of the same file, which is created.

    A file system without locks leaves the order to chance.
    """
    with path.open("a") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class CampaignBusyError(StreetloopError):
    """Another local command is working on this campaign."""


def lock_folder(storage: Storage) -> Path:
    """Return the folder that `campaign_lock` locks for a campaign root, however its address was written.

    The kernel cannot lock a bucket: a local folder excludes other commands of this user on this machine.

    Raises:
        StreetloopError: the folder cannot be made, or belongs to another user.
    """
    if isinstance(storage, FolderStorage):
        return storage.root
    usable = (place for place in _PLACES if os.access(place, os.W_OK | os.X_OK))
    # Users do not share a folder: what others may write to, they may also lock forever, or replace by a link.
    own = Path(next(usable, tempfile.gettempdir())) / f"streetloop-{os.getuid()}"
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        status = own.lstat()
    except OSError as error:
        raise StreetloopError(
            f"Could not make {own}, which holds the locks of buckets: {error.strerror}. Delete what has "
            "this name, or free space."
        ) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise StreetloopError(
            f"{own}, which holds the locks of buckets, belongs to another user or is a link. Delete it, or "
            "ask its owner to."
        )
    words = re.sub(r"[^A-Za-z0-9.]+", "-", storage.uri)[:60]
    return own / f"{words}-{hashlib.sha256(storage.uri.encode()).hexdigest()[:16]}"


@contextmanager
def campaign_lock(root_folder: str | Path, uri: str | None = None) -> Iterator[None]:
    """Hold the campaign's lock: whoever holds it knows that every other local run is dead.

    Processes started by `subprocess` do not inherit the lock, and a forked child releases it.

    Args:
        root_folder: the campaign root, or the `lock_folder` of one in a bucket.
        uri: of the campaign root, for messages, if it is not the folder.

    Raises:
        CampaignBusyError: another process holds it; the message names its pid.
    """
    path = user_path(str(root_folder)).absolute() / PRIVATE / "lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StreetloopError(
            f"Could not lock the campaign with {path}: {error.strerror}. Check the folder's owner "
            "and permissions."
        ) from error
    _held.add(descriptor)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 100, 0).decode(errors="replace").strip() or "unknown"
            raise CampaignBusyError(
                f"Another streetloop command is working on {uri or root_folder} (process {holder}). Wait "
                "until it ends, or stop it and run this command again: it resumes the campaign."
            ) from None
        except OSError as error:
            raise StreetloopError(
                f"The file system of {root_folder} does not lock files ({error.strerror}). Use a local disk, "
                "or mount it with locks."
            ) from error
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # on a full disk the lock is held without naming its holder
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def is_locked(root_folder: Path) -> bool:
    """Return whether a command of this machine holds the lock of `lock_folder`; it writes nothing."""
    try:
        with (root_folder / PRIVATE / "lock").open() as file:
            # A holder writes its pid: do not stand in the way of one that begins now.
            if not file.read(1):
                return False
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


_held: set[int] = set()


def _release_in_child() -> None:
    # A forked child shares the open file: the lock would live as long as the child does.
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_release_in_child)

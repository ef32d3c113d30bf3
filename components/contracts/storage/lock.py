"""The lock of the local command: the kernel releases it when the process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from components.contracts.process.errors import StreetloopError
from components.contracts.process.uri import user_path
from components.contracts.storage.names import PRIVATE


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


@contextmanager
def campaign_lock(root_folder: str | Path) -> Iterator[None]:
    """Hold the campaign's lock: whoever holds it knows that every other local run is dead.

    Processes started by `subprocess` do not inherit the lock, and a forked child releases it.

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
                f"Another streetloop command is working on {root_folder} (process {holder}). Wait "
                "until it ends, or stop it and run this command again: it resumes the campaign."
            ) from None
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


_held: set[int] = set()


def _release_in_child() -> None:
    # A forked child shares the open file: the lock would live as long as the child does.
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_release_in_child)

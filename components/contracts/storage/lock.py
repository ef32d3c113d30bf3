"""The lock of the local command: the kernel drops it when the process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from components.contracts.process.errors import StreetloopError
from components.contracts.storage.base import PRIVATE


class CampaignBusyError(StreetloopError):
    """Another local command works on this campaign."""


@contextmanager
def campaign_lock(root_folder: str | Path) -> Iterator[None]:
    """Hold the campaign's lock; a holder knows that any other local run of the campaign is dead.

    Processes started by `subprocess` do not inherit it, and a forked child gives it up.

    Raises:
        CampaignBusyError: another process has it; the message names its pid.
    """
    path = Path(root_folder).expanduser().absolute() / PRIVATE / "lock"
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
                f"Another streetloop command works on {root_folder} (process {holder}). Wait until "
                "it ends, or stop it and run this again: it goes on where the other stood."
            ) from None
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # on a full disk it is held all the same, and does not say by whom
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


_held: set[int] = set()


def _give_up_in_child() -> None:
    # A forked child shares the open file: the lock would live as long as the child does.
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_give_up_in_child)

"""End a step when the `streetloop` command that started it is gone.

A step that outlived its killed command would keep training and commit later. The kernel releases a
lock when its holder dies, however it dies: the command holds one on a folder that only this
invocation uses, and a thread of each step waits for it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

ENVIRONMENT = "STREETLOOP_LIFELINE"


def lock(folder: Path) -> int:
    """Lock a folder while this process lives and the descriptor, which is returned, is open.

    Raises:
      BlockingIOError: another process has locked it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def hold() -> None:
    """Start the thread that ends this process when the command is gone, if a command started it."""
    path = os.environ.get(ENVIRONMENT)
    if path:
        threading.Thread(target=_wait, args=(path,), daemon=True, name="lifeline").start()


def _wait(path: str) -> None:
    with suppress(FileNotFoundError):  # the command has gone and cleaned up after itself
        fcntl.flock(os.open(path, os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_SH)
    # Immediately: a command that is asked to stop asks its steps to stop too, and waits for them.
    os.kill(os.getpid(), signal.SIGKILL)

"""End a step when the `streetloop` command that started it is gone.

A step that outlived its killed command would keep training and commit later. The kernel releases a
file lock when its holder dies, however it dies: the command holds one on a file that only this
invocation uses, and a thread of each step waits for it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from pathlib import Path

ENVIRONMENT = "STREETLOOP_LIFELINE"


def create(path: Path) -> int:
    """Take the lock, and hold it while this process lives and the descriptor is open."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def hold() -> None:
    """Start the thread that ends this process when the command is gone, if a command started it."""
    path = os.environ.get(ENVIRONMENT)
    if path:
        threading.Thread(target=_wait, args=(path,), daemon=True, name="lifeline").start()


def _wait(path: str) -> None:
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        pass  # the command has gone and cleaned up after itself
    # Immediately: a command that is asked to stop asks its steps to stop too, and waits for them.
    os.kill(os.getpid(), signal.SIGKILL)

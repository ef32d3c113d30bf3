"""Ties a step's life to the `streetloop` command that started it.

A step that outlives its killed command would train on and commit later. The kernel drops a file
lock when its holder dies, however it dies: the command holds one on a file that only this
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
    """Takes the lock, for as long as this process lives or the descriptor is open."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def hold() -> None:
    """Starts the thread that ends this process when the command is gone; without one, nothing."""
    path = os.environ.get(ENVIRONMENT)
    if path:
        threading.Thread(target=_wait, args=(path,), daemon=True, name="lifeline").start()


def _wait(path: str) -> None:
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        pass  # the command has gone and cleaned up after itself
    # At once: a command that is asked to stop has told its steps so itself, and waited for them.
    os.kill(os.getpid(), signal.SIGKILL)

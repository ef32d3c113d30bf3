"""Turn SIGTERM and Ctrl-C into a flag that the fit reads between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class InterruptedFit(SystemExit):
    """SIGTERM came: the state is saved, and the next start resumes from it."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Turn SIGTERM and SIGINT into a flag, where signals can be caught (the main thread)."""
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested
        return

    def set_flag(number: int, frame: Any) -> None:
        requested.set()

    # Ctrl-C in a terminal reaches the whole process group, this step included.
    before = {number: signal.signal(number, set_flag) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

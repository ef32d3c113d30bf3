"""SIGTERM and Ctrl-C, as a flag that the fit looks at between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class InterruptedFit(SystemExit):
    """SIGTERM came: the state is saved, and the next start goes on from it."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


@contextmanager
def sigterm() -> Iterator[threading.Event]:
    """Turns SIGTERM and SIGINT into a flag, where signals can be caught (the main thread)."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def note(number: int, frame: Any) -> None:
        asked.set()

    # Ctrl-C in a terminal reaches the whole process group, this step included.
    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

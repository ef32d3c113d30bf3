"""Wait for what a process does, however slow the machine is: it fails when nothing moves any more.

A limit in seconds breaks on a loaded machine. Here a process may take as long as it likes, as long as
it, or one below it, computes or writes.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil

PATIENCE = 300.0  # seconds in which nothing moves; a loaded disk or a page fault takes far less
_COMPUTED = 1.0  # seconds of processor time that count as a move; polling takes less in `PATIENCE`

T = TypeVar("T")


@contextmanager
def running(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Run a process during the block; one that still runs at the end is killed, and waited for.

    A process that a failed test leaves would fail the next one with a ResourceWarning.
    """
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def wait_until(
    event: Callable[[], T], process: subprocess.Popen[Any], patience: float = PATIENCE
) -> T:
    """Return what `event` returns once that is true.

    Raises:
      AssertionError: the process ended before, or nothing has moved for `patience` seconds.
    """
    moved = _Moves(process.pid)
    while not (found := event()):
        if process.poll() is not None:
            found = event()  # it may have been the last that the process did
            assert found, f"the process ended first, with {process.returncode}"
            return found
        assert moved.within(patience), f"nothing has moved for {patience} s"
        time.sleep(0.02)
    return found


def exit_code(process: subprocess.Popen[Any], patience: float = PATIENCE) -> int:
    """Wait for the end of a process."""
    wait_until(lambda: process.poll() is not None, process, patience)
    return process.returncode


def finished(command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a process to its end, as `subprocess.run` does with captured text."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with running(command, stdout=out, stderr=err, **options) as process:
            code = exit_code(process)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), err.read())


class _Moves:
    """When a process, or one below it, last did something."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen, self._at, self._next = self._work(), time.monotonic(), 0.0

    def within(self, seconds: float) -> bool:
        now = time.monotonic()
        if now >= self._next:  # looking at /proc takes time, too
            self._next = now + 1.0
            work = self._work()
            if abs(work - self._seen) >= _COMPUTED:
                self._seen, self._at = work, now
        return now - self._at < seconds

    def _work(self) -> float:
        """Return the processor seconds of the tree, and a second for each process in it."""
        total = 0.0
        with suppress(psutil.Error):
            root = psutil.Process(self._pid)
            for process in [root, *root.children(recursive=True)]:
                with suppress(psutil.Error):
                    total += sum(process.cpu_times()[:4]) + 1
        return total

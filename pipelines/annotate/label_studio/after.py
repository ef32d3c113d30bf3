"""Start a command when enough new annotations have been submitted."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Sequence

log = logging.getLogger("streetloop")


class After:
    """Counts the tasks that people finish; starts a command at each `count` of them.

    The command runs without a shell. While it runs, tasks are counted for the next start, so that two
    cycles never run at a time. It has a session of its own: Ctrl-C in the server's terminal does not reach it.
    """

    def __init__(self, count: int, command: Sequence[str]) -> None:
        self._count, self._command = count, list(command)
        self._finished: set[int] = set()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def finished(self, task: int) -> None:
        """Count a task, once however often it is submitted, and start the command if it is time."""
        with self._lock:
            self._finished.add(task)
            self._start_if_due()

    def tick(self) -> None:
        """Start the command if it became due while the last one ran; report how that one ended."""
        with self._lock:
            self._start_if_due()

    def _start_if_due(self) -> None:
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._process = None
            if code:
                log.warning("%s ended with code %d.", self._command[0], code)
        if self._stopped or len(self._finished) < self._count:
            return
        log.info("%d tasks are finished: starting %s.", len(self._finished), self._command[0])
        try:
            self._process = subprocess.Popen(self._command, start_new_session=True)
        except OSError as error:
            log.warning("Cannot start %s: %s.", self._command[0], error.strerror)
            return
        self._finished.clear()

    def stop(self) -> None:
        """Start nothing more, and wait for a command that runs: stopping the server does not cut a cycle off.

        A signal that raises ends the wait; the command then continues by itself.
        """
        with self._lock:
            self._stopped, process = True, self._process
        if process is not None and process.poll() is None:
            log.info("Waiting for %s to end. Ctrl-C again leaves it running.", self._command[0])
            process.wait()

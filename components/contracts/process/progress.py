"""Report the progress of long work; whoever runs the step decides how to show it.

If $STREETLOOP_PROGRESS names a file, each report is appended to it as a JSON line, which the
`streetloop` command reads; so are warnings, which nobody would look for in a log. Otherwise, as in
a pod, reports go to the log, at most one every ten seconds.
"""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import suppress

log = logging.getLogger("streetloop")
ENVIRONMENT = "STREETLOOP_PROGRESS"
_LOG_EVERY_SECONDS = 10.0


class WarningsToCommand(logging.Handler):
    """Hands the warnings of a step to the command that started it, which shows them."""

    def __init__(self, step: str, path: str) -> None:
        super().__init__(logging.WARNING)
        self._step, self._path = step, path

    def emit(self, record: logging.LogRecord) -> None:
        """Append one warning to the file of the reports."""
        _append(self._path, {"step": self._step, "warning": record.getMessage()})


def show_warnings(step: str) -> None:
    """Show the warnings of this process to the user, if a command started it."""
    path = os.environ.get(ENVIRONMENT)
    if path:
        log.addHandler(WarningsToCommand(step, path))


def tell(step: str, text: str) -> None:
    """Tell the user something about a step's work: a sentence, in the log and on the console."""
    log.info("%s", text)
    path = os.environ.get(ENVIRONMENT)
    if path:
        _append(path, {"step": step, "note": text})


def _append(path: str, row: dict[str, object]) -> None:
    with suppress(OSError), open(path, "a") as file:  # a full disk must not stop the work itself
        file.write(json.dumps(row) + "\n")


class Progress:
    """The progress of one piece of work of a step.

    Attributes:
      step: the name of the step.
      what: the work in words, such as "steps".
      total: its length, in units of that work.
    """

    def __init__(self, step: str, what: str, total: int) -> None:
        self.step, self.what, self.total = step, what, total
        self._path = os.environ.get(ENVIRONMENT)
        self._started = time.monotonic()
        self._first: int | None = None
        self._logged = 0.0

    def update(self, done: int, text: str = "") -> None:
        """Report `done` of `total` units, and a few words such as the current loss."""
        now = time.monotonic()
        if self._first is None:  # what was done before a resume took no time in this process
            self._first, self._started = done, now
        rate = (done - self._first) / (now - self._started) if now > self._started else 0.0
        left = (self.total - done) / rate if rate > 0 else None
        if self._path:
            row: dict[str, object] = {
                "step": self.step,
                "what": self.what,
                "done": done,
                "total": self.total,
                "left": left,
                "text": text,
            }
            _append(self._path, row)
        elif now - self._logged >= _LOG_EVERY_SECONDS or done >= self.total:
            self._logged = now
            rest = f", about {left:.0f} s left" if left and done < self.total else ""
            log.info("%s: %s %d/%d %s%s", self.step, self.what, done, self.total, text, rest)

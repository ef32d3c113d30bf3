"""Keep what the steps of a cycle print: in a file for people, and the last lines in memory."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from components.contracts.storage.errors import FULL, explained

# A step's own line about an expected error, or the last line of a traceback: an exception's name
# and message. kfp indents both.
_ERROR = re.compile(r"\s*(?:[a-z_]+\.)*(?:error: |StreetloopError: |(?=[A-Z]\w*Error: ))(\S.*)")
_KEPT = 2000  # lines


class StepLog(io.TextIOBase):
    """A text stream that appends to a file.

    On a full disk the rest is lost from the file and nothing is raised: the step that could not write
    reports that itself, and people must see its error.

    Raises:
      StorageError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - closed by `close`
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        self._lines.extend(lines)
        try:
            self._file.write(text.encode(errors="replace"))
        except OSError as error:
            if error.errno not in FULL:
                raise
        return len(text)

    def close(self) -> None:
        self._file.close()
        super().close()

    def error(self) -> str | None:
        """Return the message of the last exception that was printed."""
        return last_error((*self._lines, self._rest))


def last_error(lines: Iterable[str]) -> str | None:
    """Return the message of the last exception in the lines of a log."""
    messages = [match[1] for line in lines if (match := _ERROR.match(line))]
    return messages[-1] if messages else None

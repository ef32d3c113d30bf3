"""Keep what a process prints: its first and its last lines, without the secrets that it was given."""

from __future__ import annotations

import io
import os
import re
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

FIRST, LAST = 64 * 1024, 448 * 1024  # characters
_LINE = 4096
_HIDDEN = "***"
# Variables whose values nobody may read in a log.
_SECRET = re.compile(
    r"TOKEN(?!IZER)|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE|COOKIE|WEBHOOK",
    re.IGNORECASE,
)
# An account in an address, up to the last @ (a password may hold one), and a header with one.
_ACCOUNT = re.compile(r"(://)[^/\s]+@")
_HEADER = re.compile(r"\b(Bearer|Basic)\s+\S+", re.IGNORECASE)


def looks_secret(variable: str) -> bool:
    """Return whether a variable holds a secret, by its name."""
    return bool(_SECRET.search(variable))


def secrets_of(environment: Mapping[str, str], named: Iterable[str] = ()) -> list[str]:
    """Return the values that must not be kept, the longest first.

    Args:
      environment: the process's.
      named: further variables with secrets.
    """
    names = {name for name in environment if looks_secret(name)} | set(named)
    lines = {line.strip() for name in names for line in environment.get(name, "").splitlines()}
    # A shorter one would hide half of the words.
    return sorted((one for one in lines if len(one) >= 4), key=lambda one: (-len(one), one))


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return a text with every secret replaced."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return _HEADER.sub(rf"\1 {_HIDDEN}", _ACCOUNT.sub(rf"\1{_HIDDEN}@", text))


class KeptOutput:
    """The first and the last lines of what was printed, at most `FIRST` + `LAST` characters."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secrets)
        self._lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._first: list[str] = []
            self._last: deque[str] = deque()
            self._room, self._size, self._left_out = FIRST, 0, 0
            self._rest = ""
            self.changed = False

    def hide(self, secrets: Iterable[str]) -> None:
        """Hide further secrets in what is printed from now on."""
        with self._lock:
            self._secrets = tuple(sorted({*self._secrets, *secrets}, key=len, reverse=True))

    def add(self, text: str) -> None:
        """Keep a piece of text."""
        with self._lock:
            # A bar is drawn over and over with \r.
            *lines, self._rest = re.split(r"[\r\n]+", self._rest + text)
            if len(self._rest) > _LINE:
                lines, self._rest = [*lines, self._rest], ""
            for line in lines:
                self._add(line)

    def _add(self, line: str) -> None:
        line = without_secrets(line, self._secrets)[:_LINE] + "\n"
        self.changed = True
        if not self._last and len(line) <= self._room:
            self._first.append(line)
            self._room -= len(line)
            return
        self._last.append(line)
        self._size += len(line)
        while self._size > LAST:
            self._size -= len(self._last.popleft())
            self._left_out += 1

    def text(self) -> str:
        """Return what is kept."""
        with self._lock:
            gap = [f"[{self._left_out} lines left out]\n"] if self._left_out else []
            rest = without_secrets(self._rest, self._secrets)
            return "".join((*self._first, *gap, *self._last, rest))


class Tee(io.TextIOBase):
    """Writes to a stream, and keeps it."""

    def __init__(self, stream: TextIO, kept: KeptOutput) -> None:
        self._stream, self._kept = stream, kept

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._kept.add(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)  # buffer, reconfigure, …

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding


def environment_secrets(named: Iterable[str] = ()) -> list[str]:
    """Return the secrets in this process's environment."""
    return secrets_of(os.environ, named)

"""Show the progress of the running steps."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from pipelines.local.bar import bar_for

_POLL_SECONDS = 0.3
_PLAIN_EVERY_SECONDS = 10.0
_SHOWN_WARNINGS = 10  # per step of a cycle


@dataclass(frozen=True)
class _Row:
    """A line of the progress file, as `components.contracts.process.progress` writes it."""

    step: str
    what: str
    done: int
    total: int
    left: float | None
    text: str


class Screen:
    """The progress of the running steps: a bar in a terminal or a notebook, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._stop = threading.Event()
        self._last: tuple[str, str] | None = None
        self._printed = 0.0
        self._warnings: Counter[str] = Counter()
        self._bar = bar_for(console)

    @contextmanager
    def following(self, path: Path) -> Iterator[None]:
        """Show the progress rows that steps append to `path`, while the block runs."""
        self._stop.clear()
        self._warnings.clear()
        start = path.stat().st_size  # after what an earlier cycle of this command reported
        thread = threading.Thread(target=self._follow, args=(path, start), daemon=True)
        thread.start()
        if self._bar is not None:
            self._bar.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            if self._bar is not None:
                self._bar.stop()

    def _follow(self, path: Path, start: int) -> None:
        with open(path) as file:
            file.seek(start)
            while True:
                stopping = (
                    self._stop.is_set()
                )  # before reading: what was written until then is shown
                line = file.readline()
                if line.endswith("\n"):
                    row = json.loads(line)
                    if "warning" in row:
                        self._warn(**row)
                    elif "note" in row:
                        self.console.print(f"  {row['step']:<10} {row['note']}")
                    else:
                        self._show(_Row(**row))
                elif stopping:
                    return
                else:
                    file.seek(file.tell() - len(line.encode()))
                    time.sleep(_POLL_SECONDS)

    def _warn(self, step: str, warning: str) -> None:
        self._warnings[step] += 1
        if self._warnings[step] <= _SHOWN_WARNINGS:
            self.console.print(f"  {step:<10} warning: {warning}")
        elif self._warnings[step] == _SHOWN_WARNINGS + 1:
            self.console.print(f"  {step:<10} more warnings: see the log")

    def _show(self, row: _Row) -> None:
        left = f", {duration(row.left)} left" if row.left and row.done < row.total else ""
        text = f" ({row.text})" if row.text else ""
        words = f"{row.what} {row.done}/{row.total}{text}{left}"
        if self._bar is not None:
            self._bar.show(row.step, words, row.done, row.total)
            return
        what = (row.step, row.what)
        now = time.monotonic()
        if what != self._last or now - self._printed > _PLAIN_EVERY_SECONDS:
            self._last, self._printed = what, now
            self.console.print(f"  {row.step:<10} {words}")


def duration(seconds: float) -> str:
    """Return seconds as 1 h 02 min, 3 min 05 s or 7 s."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"

"""Bars that show the progress of the running step: in a terminal, or in a notebook's cell."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

# IPython.display.display: shows an object with `_repr_html_`; display_id=True returns a handle.
Display = Callable[..., Any]


class Bar(Protocol):
    """Shows one line at a time, in the place of the one before."""

    def start(self) -> None:
        """Begin to show."""

    def show(self, step: str, words: str, done: int, total: int) -> None:
        """Show that a step has done this much of its work."""

    def stop(self) -> None:
        """Remove the bar."""


class TerminalBar:
    """A bar in a terminal."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("  [bold]{task.fields[step]:<10}[/]"),
            BarColumn(32),
            TextColumn("{task.fields[words]}", markup=False),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", step="", words="starting", total=None)

    def start(self) -> None:
        """Begin to show."""
        self._bar.start()

    def show(self, step: str, words: str, done: int, total: int) -> None:
        """Show that a step has done this much of its work."""
        self._bar.update(self._task, completed=done, total=total, step=step, words=words)

    def stop(self) -> None:
        """Remove the bar."""
        self._bar.stop()


@dataclass(frozen=True)
class _Html:
    """What a notebook shows; it needs no widgets, which many notebooks lack."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


class NotebookBar:
    """A bar below the cell that runs."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._handle: Any = None

    def start(self) -> None:
        """Begin to show. Called in the cell's own thread, to which the output belongs."""
        if self._handle is None:
            self._handle = self._display(_Html("starting", "starting"), display_id=True)

    def show(self, step: str, words: str, done: int, total: int) -> None:
        """Show that a step has done this much of its work."""
        line = f"{step} {words}"
        html = (
            f'<progress value="{done}" max="{max(1, total)}" style="vertical-align:middle"></progress> '
            f"<b>{escape(step)}</b> {escape(words)}"
        )
        self._handle.update(_Html(html, line))

    def stop(self) -> None:
        """Empty the bar's place."""
        self._handle.update(_Html("", ""))


def bar_for(console: Console) -> Bar | None:
    """Return the bar that fits where this process prints; None for a file or a pipe."""
    display = notebook_display()
    if display is not None:  # first, since a notebook's stream says that it is a terminal
        return NotebookBar(display)
    return TerminalBar(console) if console.is_terminal else None


def notebook_display() -> Display | None:
    """Return IPython's `display` in a notebook's kernel; None elsewhere, IPython's shell included."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    found: Display = display
    return found

"""How commands write to a terminal."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TextIO

from rich.console import Console


class _PlainConsole(Console):
    """A console that ends the command quietly when nobody reads its output any more (`| head`)."""

    def on_broken_pipe(self) -> None:
        """Print nothing more, and stop as on Ctrl-C; called in the thread that printed."""
        self.quiet = True
        # The interpreter flushes the stream at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
        os.kill(os.getpid(), signal.SIGPIPE)
        if threading.current_thread() is threading.main_thread():
            raise SystemExit(128 + signal.SIGPIPE)


def make_console(file: TextIO | None = None) -> Console:
    """Return a console that prints text as it is.

    Paths and names may hold brackets and colons, which rich takes for markup and emoji otherwise.
    """
    return _PlainConsole(
        file=file or sys.stdout,
        soft_wrap=True,
        markup=False,
        highlight=False,
        emoji=False,
        force_jupyter=False,  # else each line would be a page of its own, whatever `file` is
    )


def program() -> str:
    """Return how to call `streetloop` from this shell: a virtual environment need not be active."""
    here = Path(sys.executable).parent / "streetloop"
    found = shutil.which("streetloop")
    if not here.exists() or (found and Path(found).resolve() == here.resolve()):
        return "streetloop"
    try:
        short = str(here.relative_to(Path.cwd()))
    except ValueError:
        short = str(here)
    return f"'{short}'" if " " in short else short

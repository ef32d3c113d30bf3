"""What every command on an experiment does around its own work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from components.contracts.step.context import set_environment
from components.contracts.storage.base import Storage
from pipelines.local.runner import Interrupted, session, stopping_children

Files = Mapping[str, bytes]  # by name; the page comes first


def run_resumable(root: str, console: Console, work: Callable[[Path], None]) -> int:
    """Lock the results, do the work, and stop its processes at a signal; return the exit code.

    Args:
      root: of the results.
      console: says how to resume.
      work: receives the folder of this command's temporary files.
    """
    set_environment()
    try:
        with stopping_children(), session(root) as folder:
            work(folder)
    except Interrupted as stop:
        console.print("Stopped. Run the same command again to resume.")
        return stop.exit_code
    return 0


def store_files(storage: Storage, files: Files) -> Files:
    """Store the page and what belongs to it, and return them."""
    for name, data in files.items():
        storage.write(name, data)
    return files


def show_files(console: Console, storage: Storage, files: Files) -> None:
    """Print the page, and where the files are."""
    for number, (name, data) in enumerate(files.items()):
        if not number:
            console.print()
            console.print(data.decode())
        console.print(f"{storage.uri}/{name}")

"""Runs cycles on this machine: the same pipeline, through kfp.local, each step in a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from components.contracts.ledger.layout import work_folder
from components.contracts.ledger.ledger import Ledger
from components.contracts.process import lifeline, progress
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.done import ErrorMarker
from components.contracts.storage.lock import campaign_lock
from components.contracts.storage.open import open_storage
from pipelines.local.step_log import StepLog


@contextmanager
def session(root: str) -> Iterator[Path]:
    """Holds the campaign for this command; yields a folder that is gone afterwards.

    Raises:
      CampaignBusyError: another local command holds it.
    """
    # A bucket has no lock of the kernel's; the one here keeps two commands of this machine apart.
    lock = root if not root.startswith("gs://") else _lock_folder(root)
    with campaign_lock(lock), tempfile.TemporaryDirectory(prefix="streetloop-") as folder:
        descriptor = lifeline.create(Path(folder) / "alive")
        os.environ[lifeline.ENVIRONMENT] = str(Path(folder) / "alive")
        os.environ[progress.ENVIRONMENT] = str(Path(folder) / "progress")
        (Path(folder) / "progress").touch()
        try:
            yield Path(folder)
        finally:
            os.environ.pop(lifeline.ENVIRONMENT)
            os.environ.pop(progress.ENVIRONMENT)
            os.close(descriptor)


def _lock_folder(root: str) -> str:
    safe = root.removeprefix("gs://").replace("/", "-")
    return str(Path(tempfile.gettempdir()) / f"streetloop-{os.getuid()}" / safe)


def run_cycle(recipe: Recipe, root: str, folder: Path, log: Path) -> None:
    """Runs one cycle; everything that the steps print goes to `log`.

    Args:
      recipe: the resolved recipe.
      root: the campaign root.
      folder: of this command, from `session`.
      log: a file; what is there is kept.

    Raises:
      StreetloopError: a step failed; the message is the step's own.
    """
    from kfp import local

    from pipelines.cycle import cycle

    outputs = folder / "kfp"
    with StepLog(log) as printed, redirect_stdout(printed):
        local.init(
            local.SubprocessRunner(use_venv=False),
            pipeline_root=str(outputs),
            raise_on_error=True,
        )
        try:
            cycle(
                recipe=recipe.resolved(), root=root, owner=f"local-{uuid.uuid4()}", take_over=True
            )
        except RuntimeError as error:
            raise StreetloopError(f"{_why(root, printed)} The whole log: {log}") from error


def _why(root: str, printed: StepLog) -> str:
    """The failed step's own words: from its error file, else what it printed."""
    storage = open_storage(root)
    current = Ledger(storage).state().open_cycle
    if current is not None:
        for name in storage.list(work_folder(current.cycle)):
            if name.endswith(".error.json"):
                row = ErrorMarker.model_validate_json(storage.read(name))
                return f"The {row.step} step failed. {row.error}"
    return f"A step failed. {printed.error() or 'It printed no error.'}"


def children() -> list[int]:
    """The process ids below this one, from /proc (Linux) or ps."""
    found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout
    parents: dict[int, list[int]] = {}
    for line in found.splitlines():
        pid, parent = map(int, line.split())
        parents.setdefault(parent, []).append(pid)
    out: list[int] = []
    todo = [os.getpid()]
    while todo:
        below = parents.get(todo.pop(), [])
        out += below
        todo += below
    return out


@contextmanager
def stopping_children() -> Iterator[None]:
    """On SIGTERM or Ctrl-C, ends the running step (training saves its state) and then this command."""

    def stop(number: int, frame: Any) -> None:
        for pid in children():
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                continue
        raise Interrupted(number)

    before = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Interrupted(BaseException):
    """The command was asked to stop; running it again goes on where the campaign stands."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def follow(path: Path, show: Callable[[dict[str, Any]], None], start: int) -> int:
    """Shows the progress rows after position `start` of a file; returns where it stopped."""
    with open(path) as file:
        file.seek(start)
        for line in file:
            if not line.endswith("\n"):
                break
            start += len(line.encode())
            show(json.loads(line))
    return start

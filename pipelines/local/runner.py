"""Run cycles on this machine: the same pipeline through kfp.local, each step in its own process."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

import psutil

from components.contracts.ledger.events import utc_now
from components.contracts.ledger.layout import LOGS
from components.contracts.ledger.lease import LOCAL, LeaseHeldError
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.process import lifeline, progress, scratch
from components.contracts.process.errors import StreetloopError
from components.contracts.process.uri import is_local
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.done import failure_of
from components.contracts.storage.errors import explained
from components.contracts.storage.lock import campaign_lock, lock_folder
from components.contracts.storage.open import open_storage
from pipelines.local.forks import Starter, run_alone
from pipelines.local.launch import launching
from pipelines.local.step_log import StepLog


@contextmanager
def session(root: str) -> Iterator[Path]:
    """Lock the campaign for this command; yield a temporary folder.

    The processes that this command starts keep their temporary files in the folder as well.

    Raises:
      CampaignBusyError: another command of this machine has locked it.
    """
    storage = open_storage(root)
    with campaign_lock(lock_folder(storage), storage.uri):
        folder, descriptor = scratch.make()
        with explained(folder):
            (folder / "progress").touch()
            (folder / "tmp").mkdir()
        variables = {
            lifeline.ENVIRONMENT: str(folder),
            progress.ENVIRONMENT: str(folder / "progress"),
            "TMPDIR": str(folder / "tmp"),
        }
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield folder
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                os.environ.update({} if value is None else {name: value})
            os.close(descriptor)
            shutil.rmtree(folder, ignore_errors=True)


def log_file(root: str, name: str) -> Path:
    """Return the log of this name: in the root, or in runs/logs for a root in a bucket."""
    folder = Path("runs/logs") if not is_local(root) else Path(root) / LOGS
    return folder / f"{name}.log"


def check_not_held(state: State, outcome: str) -> None:
    """Reject work on a campaign while a run on a cluster holds its cycle: no lock of this machine excludes it.

    Args:
      state: of the campaign.
      outcome: what was not done, such as "Nothing was started".

    Raises:
      LeaseHeldError: the run holds the cycle.
    """
    last = state.last_cycle
    if last and last.held(utc_now()) and not last.owner.startswith(LOCAL):
        raise LeaseHeldError(
            f"{outcome}: run {last.owner!r} holds cycle {last.cycle} until {last.expires_at}. Wait until it "
            "ends, or terminate it: its exit step gives the cycle back.",
            last.owner,
        )


def run_cycle(
    recipe: Recipe, root: str, folder: Path, log: Path, start: Starter = run_alone
) -> None:
    """Run one cycle; everything that the steps print goes to `log`.

    Args:
      recipe: the resolved recipe.
      root: the campaign root.
      folder: the temporary folder of this command, from `session`.
      log: a file; what it contains is kept.
      start: starts the processes of the steps.

    Raises:
      LeaseHeldError: a run on a cluster works on the cycle.
      StreetloopError: a step failed; the message is the step's own.
    """
    check_not_held(Ledger(open_storage(root)).state(), "Nothing was started")
    from kfp import local

    from pipelines.cycle import cycle

    outputs = folder / "kfp"
    values = {"recipe": recipe.resolved(), "root": root}
    owner = f"{LOCAL}{uuid.uuid4()}"
    with StepLog(log) as printed, redirect_stdout(printed), launching(values, start):
        local.init(
            local.SubprocessRunner(use_venv=False),
            pipeline_root=str(outputs),
            workspace_root=str(folder / "workspace"),  # else it makes one in /tmp
            raise_on_error=True,
        )
        try:
            # The names of the two in place of their values, which `launching` hands to the tasks.
            cycle(recipe="recipe", root="root", owner=owner, take_over=True)
        except RuntimeError as error:
            raise StreetloopError(f"{_why(root, owner, printed)} The whole log: {log}") from error


def _why(root: str, owner: str, printed: StepLog) -> str:
    """Return the failed step's own error: from its error file, else from what it printed."""
    storage = open_storage(root)
    current = Ledger(storage).state().open_cycle
    own = None
    if current is not None and current.owner == owner:  # else this run has opened none
        own = failure_of(storage, current.cycle, current.fence)
    return own or f"A step failed. {printed.error() or 'It printed no error.'}"


@contextmanager
def stopping_children() -> Iterator[None]:
    """On SIGTERM or Ctrl-C, stop the running step (training saves its state), then this command.

    SIGPIPE does the same: the console sends it when whoever read the output has gone. Only the main
    thread may handle signals: a program that calls this from another one handles them itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.terminate()
        raise Interrupted(number)

    before = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Interrupted(BaseException):
    """A signal that asks the command to stop; running the command again resumes the campaign."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number

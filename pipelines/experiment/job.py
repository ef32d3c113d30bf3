"""Run a part of an experiment in a process of its own."""

from __future__ import annotations

import logging
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel

from components.contracts.process.errors import StreetloopError
from components.contracts.step.context import begin
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from pipelines.local.launch import child_environment
from pipelines.local.runner import log_file

log = logging.getLogger("streetloop")


class Order(BaseModel):
    """What every job knows.

    Attributes:
      root: of the experiment.
      error: the file to which the process writes why it failed.
    """

    root: str
    error: Path = Path()


def carry_out(order: Order, step: str, work: Callable[[Storage], None]) -> int:
    """Do a job in its own process; return the exit code.

    Args:
      order: what to do.
      step: what the job's log calls it.
      work: does it, with the storage of the experiment.
    """
    begin(step)
    try:
        work(open_storage(order.root))
    except StreetloopError as error:
        order.error.write_text(str(error))
        log.error("%s", error)
        return 1
    return 0


class Jobs:
    """Starts `python -m MODULE ORDER.json`. Several threads may run jobs at the same time."""

    def __init__(self, module: str, root: str, folder: Path) -> None:
        self._module, self._root, self._folder = module, root, folder

    def run(self, name: str, order: Order, variables: Mapping[str, str] | None = None) -> None:
        """Run one job to its end; what it prints goes to its log.

        Args:
          name: of the job and its log.
          order: what to do.
          variables: of the environment, beside this process's own.

        Raises:
          StreetloopError: with the process's own error.
        """
        unique = uuid.uuid4().hex
        path, error = self._folder / f"{unique}.json", self._folder / f"{unique}.error"
        path.write_text(order.model_copy(update={"error": error}).model_dump_json())
        log = log_file(self._root, name)
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", self._module, str(path)]
        environment = child_environment() | dict(variables or {})
        with (
            open(log, "a") as file,
            subprocess.Popen(command, stdout=file, stderr=file, env=environment) as process,
        ):
            code = process.wait()
        if code:
            why = error.read_text() if error.exists() else f"The process exited with {code}."
            raise StreetloopError(f"{name} failed. {why} The whole log: {log}")

"""Run a part of an experiment in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from components.contracts.process.errors import StreetloopError
from pipelines.local.launch import child_environment
from pipelines.local.runner import log_file


class Order(BaseModel):
    """What every job knows.

    Attributes:
      root: of the experiment.
      error: the file to which the process writes why it failed.
    """

    root: str
    error: Path = Path()


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

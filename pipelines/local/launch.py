"""Start the tasks of a local run, in place of KFP's own launcher.

KFP's launcher runs a shell script: it puts the path of Python into it without quotes, makes a folder
in /tmp that nobody deletes, and replaces the word `python3` and placeholders in every value. So a
checkout in a folder with a space could not run, and a campaign could get another recipe than the
user's. Here each task is a process without a shell, and the values of the user never pass through KFP.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from components.contracts.process.cpus import thread_limits
from pipelines.local.forks import Starter, run_alone

_PROJECT = Path(__file__).parents[2]


@contextmanager
def launching(values: Mapping[str, str], start: Starter = run_alone) -> Iterator[None]:
    """Start the tasks that KFP runs during the block.

    Args:
      values: replace the inputs of these names in every task, exactly as they are written.
      start: starts the process of a task.
    """
    from kfp.local import status, subprocess_task_handler, task_handler_interface

    class Task(task_handler_interface.ITaskHandler):  # type: ignore[misc]
        """One task, as KFP hands it over."""

        def __init__(
            self,
            image: str,
            full_command: list[str],
            pipeline_root: str,
            runner: object,
            env_vars: dict[str, str] | None = None,
        ) -> None:
            # A shell, its option, its script, the component's source, and the executor's arguments.
            self._source, *arguments = full_command[3:]
            self._name = arguments[arguments.index("--function_to_execute") + 1]
            self._arguments = _with_values(arguments, values)
            self._folder = pipeline_root
            self._environment = child_environment() | {"_KFP_RUNTIME": "true"} | (env_vars or {})

        def run(self) -> status.Status:
            os.makedirs(self._folder, exist_ok=True)
            program = Path(tempfile.mkdtemp(dir=self._folder)) / "component.py"
            program.write_text(self._source, encoding="utf-8")
            source = ["--component_module_path", str(program)]
            code = start([*source, *self._arguments], self._environment)
            if code < 0:
                print(f"StreetloopError: {_ended_by(self._name, signal.Signals(-code))}")
            return status.Status.FAILURE if code else status.Status.SUCCESS

    # KFP has no way to name another one.
    theirs = subprocess_task_handler.SubprocessTaskHandler
    subprocess_task_handler.SubprocessTaskHandler = Task
    try:
        yield
    finally:
        subprocess_task_handler.SubprocessTaskHandler = theirs


def child_environment() -> dict[str, str]:
    """Return the environment of a process that runs code of this project.

    It imports the project's code that runs here, and nothing from the working folder: people keep
    files there that are called keras.py or numpy.py. Whatever the locale, it can print every name.
    """
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(_PROJECT), before] if before else [str(_PROJECT)])
    python = {"PYTHONPATH": path, "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8:replace"}
    return {**os.environ, **thread_limits(), **python}


def _with_values(arguments: list[str], values: Mapping[str, str]) -> list[str]:
    """Return the executor's arguments with the real values of the inputs."""
    at = arguments.index("--executor_input") + 1
    wanted = json.loads(arguments[at])
    given = wanted["inputs"]["parameterValues"]
    given.update({name: value for name, value in values.items() if name in given})
    return [*arguments[:at], json.dumps(wanted), *arguments[at + 1 :]]


def _ended_by(step: str, number: signal.Signals) -> str:
    if number is signal.SIGKILL:
        return (
            f"The process of {step} was killed. The kernel does so when memory runs out: close other "
            "programs, or lower train.batch_size, train.crop or data.size."
        )
    return f"The process of {step} was ended by {number.name}."

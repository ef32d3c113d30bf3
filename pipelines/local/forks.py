"""Start the steps of a local run: as forks of a template process, or each as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from components.contracts.process.errors import StreetloopError

# Runs KFP's executor with these arguments in this environment, prints what it prints, returns its exit code.
Starter = Callable[[Sequence[str], Mapping[str, str]], int]

_TEMPLATE = "pipelines.local.template"
_GPUS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
# A training step took a tenth longer in a fork, and a fit has many of them.
_ALONE = "train"


def run_alone(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run KFP's executor in a new process, and print what it prints.

    Args:
      arguments: of the executor.
      environment: of the process.

    Returns:
      The exit code; the number of a signal, negative, if that ended the process.

    Raises:
      StreetloopError: the process cannot be started.
    """
    command = [sys.executable, "-m", "kfp.dsl.executor_main", *arguments]
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(environment)
        )
    except OSError as error:
        raise StreetloopError(f"Could not start a step with {command[0]}: {error}.") from error
    with process:
        assert process.stdout is not None
        _print(process.stdout.fileno())
        return process.wait()


@contextmanager
def starting(root: str) -> Iterator[Starter]:
    """Yield what starts the steps of a command.

    The template begins with the first step: a command that finds nothing to do starts none.

    Args:
      root: of the campaign, for people who look at the list of processes.
    """
    # A GPU's library does not survive a fork. Importing TensorFlow should not begin it, but that was not tried.
    if sys.platform != "linux" or any(map(os.path.exists, _GPUS)):
        yield run_alone
        return
    template = _Template(root)
    try:
        yield template.run
    finally:
        template.close()


class _Template:
    """The template process of one command."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._channel, self._theirs = socket.socketpair()
        self._lines = self._channel.makefile()

    def run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a step; see `Starter`."""
        if _ALONE in arguments:
            return run_alone(arguments, environment)
        if self._process is None:
            self._process = self._start(environment)
        code = self._fork(arguments, environment)
        # Without a template, or if it died: all output has arrived, so no fork of it is left, and a
        # step that has done its work does not repeat it.
        return int(code) if code else run_alone(arguments, environment)

    def _fork(self, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
        """Run a step in a fork, and return its exit code; empty if the template has died."""
        wanted = json.dumps({"arguments": list(arguments), "environment": dict(environment)})
        if not self._line():
            return ""
        read, write = os.pipe()
        try:
            try:
                socket.send_fds(self._channel, [b"\n"], [write])
                self._channel.sendall(wanted.encode() + b"\n")
            except OSError:
                return ""
            finally:
                os.close(write)
            try:
                _print(read)
            finally:  # interrupted as well: the step stops in order, and is waited for
                code = self._line()
            return code
        finally:
            os.close(read)

    def _line(self) -> str:
        """Return what the template says next; empty if it has died."""
        with contextlib.suppress(OSError):
            return self._lines.readline()
        return ""

    def close(self) -> None:
        """End the template; no step is running."""
        for end in (self._lines, self._channel, self._theirs):
            end.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _start(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", _TEMPLATE, self._root, str(self._theirs.fileno())]
        with self._theirs as theirs:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                pass_fds=[theirs.fileno()],
            )


def _print(descriptor: int) -> None:
    """Print what arrives until the other end is closed."""
    with open(descriptor, encoding="utf-8", errors="replace", closefd=False) as printed:
        for line in printed:
            print(line, end="")

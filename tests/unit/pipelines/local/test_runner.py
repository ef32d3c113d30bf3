"""What a signal to the command does to the processes below it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.support.waiting import PATIENCE, exit_code, running

PROGRAM = """
import subprocess, sys
from pipelines.local.runner import Interrupted, stopping_children
STEP = "import subprocess; p = subprocess.Popen(['/bin/sleep', '36000']); print(p.pid, flush=True); p.wait()"
try:
    with stopping_children():
        subprocess.run([sys.executable, "-c", STEP])
except Interrupted as stop:
    sys.exit(stop.exit_code)
"""


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_processes_of_a_step(number: signal.Signals) -> None:
    # No programs on the path: a slim image has no `ps`.
    command = [sys.executable, "-c", PROGRAM]
    with running(
        command, env={**os.environ, "PATH": ""}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.send_signal(number)
        assert exit_code(process) == 128 + number
    deadline = time.monotonic() + PATIENCE
    while _runs(pid):
        assert time.monotonic() < deadline, "the process below the step still runs"
        time.sleep(0.05)

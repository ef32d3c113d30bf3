"""Real MLflow servers for tests, each a process on a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.support.gcs_server import answers, free_port
from tests.support.waiting import wait_until


class MlflowServer:
    """An MLflow server that can be killed and started again on the same port and store."""

    def __init__(
        self, command: list[str], port: int, log: Path, environment: Mapping[str, str]
    ) -> None:
        self.command, self.port, self.log = command, port, log
        self.environment = dict(environment)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.log.parent,
                stdout=log,
                stderr=log,
                start_new_session=True,  # its workers die with it
            )
        try:
            wait_until(lambda: answers(f"{self.url}/health"), self.process)
        except AssertionError as error:
            self.kill()
            words = self.log.read_text(errors="replace")[-3000:]
            raise AssertionError(f"The server did not start, {error}:\n{words}") from None

    def kill(self) -> None:
        """Kill the server and its workers with SIGKILL, as if the node were lost."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def plain_mlflow(folder: Path) -> MlflowServer:
    """Return a server without accounts on a SQLite file, not started yet."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    command += ["--allowed-hosts", f"127.0.0.1:{port}"]
    return MlflowServer(command, port, folder / "server.log", os.environ)

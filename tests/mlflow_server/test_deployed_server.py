"""Real cycles against the server of mlflow/: its own flags, PostgreSQL, accounts, proxied artifacts."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.open import open_storage
from tests.support.campaigns import SMOKE, STREETLOOP
from tests.support.deployed_mlflow import SECRETS, deployed_server, postgresql
from tests.support.mlflow_content import content_of
from tests.support.servers import MlflowServer
from tests.support.waiting import exit_code, running, wait_until

pytestmark = pytest.mark.mlflow_server
ACCOUNT = {
    "MLFLOW_TRACKING_USERNAME": "pipelines",
    "MLFLOW_TRACKING_PASSWORD": "of the pipelines",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """The deployed server, with an account for the pipelines."""
    folder = tmp_path_factory.mktemp("server")
    with postgresql("mlflow", SECRETS["POSTGRES_PASSWORD"]) as database:
        found = deployed_server(folder, database)
        found.start()
        try:
            _create_account(found)
            yield found
        finally:
            found.kill()


def _create_account(server: MlflowServer) -> None:
    """As mlflow/README.md says: the pipelines get an account of their own, from the administrator."""
    row = {
        "username": ACCOUNT["MLFLOW_TRACKING_USERNAME"],
        "password": ACCOUNT["MLFLOW_TRACKING_PASSWORD"],
    }
    secret = f"admin:{SECRETS['MLFLOW_AUTH_ADMIN_PASSWORD']}"
    request = urllib.request.Request(
        f"{server.url}/api/2.0/mlflow/users/create",
        data=json.dumps(row).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}",
        },
    )
    with urllib.request.urlopen(request, timeout=60):
        pass


def _command(root: Path, uri: str, *more: str) -> list[str]:
    command = [STREETLOOP, "run", SMOKE, "--root", str(root), "--set", f"tracking.uri={uri}"]
    return [*command, "--set", "tracking.system_metrics_seconds=1", *more]


def _run(
    root: Path, uri: str, account: dict[str, str], *more: str
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ACCOUNT}
    return subprocess.run(
        _command(root, uri, *more),
        cwd=root.parent,
        env=clean | account,
        capture_output=True,
        text=True,
    )


def _refused(done: subprocess.CompletedProcess[str], root: Path) -> str:
    """The message of a run that did not come as far as a cycle."""
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert not Ledger(open_storage(str(root))).state().cycles
    return done.stderr


@pytest.mark.parametrize(
    "account", [{}, ACCOUNT | {"MLFLOW_TRACKING_PASSWORD": "guessed"}], ids=["missing", "wrong"]
)
def test_without_the_right_credentials_a_run_ends_before_its_first_cycle(
    server: MlflowServer, tmp_path: Path, account: dict[str, str]
) -> None:
    root = tmp_path / "smoke"
    message = _refused(_run(root, server.url, account), root)
    assert f"MLflow at {server.url} refused the credentials" in message
    assert "MLFLOW_TRACKING_USERNAME" in message


def test_a_host_name_that_the_server_does_not_allow_is_told_from_a_wrong_password(
    server: MlflowServer, tmp_path: Path
) -> None:
    root = tmp_path / "smoke"
    uri = f"http://127.0.0.2:{server.port}"
    message = _refused(_run(root, uri, ACCOUNT), root)
    assert "does not answer to that host name" in message
    assert "MLFLOW_SERVER_ALLOWED_HOSTS" in message


@pytest.fixture(scope="module")
def cycles(server: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two cycles; in the training of the second the server is killed, and comes back at the end."""
    root = tmp_path_factory.mktemp("campaign") / "smoke"
    done = _run(root, server.url, ACCOUNT, "--cycles", "1")
    assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ACCOUNT.items():
            patch.setenv(name, value)
        first = content_of(server.url, "smoke")
        checkpoints = root / "work" / "2" / "checkpoint"
        command = _command(root, server.url)
        with running(command, cwd=root.parent, stdout=subprocess.DEVNULL) as process:
            wait_until(lambda: list(checkpoints.glob("*.npz")), process)
            server.kill()
            code = exit_code(process)
        state = Ledger(open_storage(str(root))).state()
        server.start()
        behind = content_of(server.url, "smoke")
        again = _run(root, server.url, ACCOUNT)
        assert again.returncode == 0, again.stderr
        return {
            "root": root,
            "first": first,
            "code": code,
            "state": state,
            "behind": behind,
            "again": again.stdout,
            "last": content_of(server.url, "smoke"),
        }


def test_a_cycle_logs_everything_through_the_server(
    server: MlflowServer, cycles: dict[str, Any]
) -> None:
    first = cycles["first"]
    (run,) = first["cycles"].values()
    assert run["status"] == "FINISHED"
    assert run["losses"] == [6, 12]
    assert run["system"] > 0
    assert {"labeled", "records"} == set(run["datasets"])
    assert {"report.html", "scores.json", "figures/confusion.png", "figures/class_iou.png"} <= set(
        run["files"]
    )
    assert run["images"] > 0
    assert first["curve"] == [4]
    assert first["aliases"] == {"champion": "1", "challenger": "1"}
    assert "val mIoU" in first["descriptions"]["1"]
    # Proxied: the server stored them, and the campaign's own folder has no MLflow beside it.
    assert list((server.log.parent / "artifacts").rglob("confusion.png"))
    assert not (cycles["root"].parent / "mlflow").exists()


def test_a_server_killed_in_training_does_not_lose_the_cycle(cycles: dict[str, Any]) -> None:
    assert cycles["code"] == 0
    assert cycles["state"].cycles[2].outcome == "done"
    assert cycles["behind"]["cycles"]["2"]["status"] == "RUNNING"
    assert cycles["behind"]["curve"] == [4]


def test_the_next_run_sends_what_is_missing_and_nothing_twice(cycles: dict[str, Any]) -> None:
    first, last = cycles["first"], cycles["last"]
    assert "complete" in cycles["again"]
    assert last["curve"] == [4, 7]
    assert last["runs"] == 3
    assert last["cycles"]["1"] == first["cycles"]["1"]
    late = last["cycles"]["2"]
    for name in ("status", "losses", "files", "images"):
        assert late[name] == first["cycles"]["1"][name], name
    assert sorted(last["descriptions"]) == ["1", "2"]
    assert last["aliases"]["challenger"] == "2"

"""`streetloop ui`: the address that it prints, the process that it becomes, and the browser."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner

from components.contracts.recipe.recipe import load
from components.contracts.recipe.tracking import store_uri
from components.contracts.storage.open import open_storage
from components.contracts.tracking.client import Tracker
from components.contracts.tracking.environment import QUIET
from components.contracts.tracking.view import CAMPAIGNS, ablations
from pipelines.cli import main
from tests.support.gcs_server import free_port


class Became(Exception):
    """The command would have become this process."""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe in an empty folder, which has no server and no switch set."""
    for name in ("MLFLOW_TRACKING_URI", "BROWSER", *QUIET):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "a.yaml"
    path.write_text("name: a")
    return path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The processes that the command starts, or would become."""
    found: dict[str, Any] = {}

    def become(program: str, command: list[str], environment: dict[str, str]) -> None:
        found["server"], found["environment"] = command, environment
        raise Became

    monkeypatch.setattr(os, "execve", become)
    monkeypatch.setattr(subprocess, "Popen", lambda command, env: found.update(browser=command))
    return found


def _store(recipe: Path, root: Path) -> Tracker:
    """The store of a campaign at `root`, with its experiment."""
    settings = load(recipe).tracking
    tracker = Tracker(store_uri(settings, str(root)), settings.experiment)
    assert tracker.check()
    return tracker


def _parts(output: str) -> tuple[str, dict[str, list[str]]]:
    (row,) = [line for line in output.splitlines() if "#/" in line]
    address = next(word for word in row.split() if "#/" in word)
    path, _, query = address.partition("?")
    return path, parse_qs(query)


def test_ui_prints_the_page_of_the_curves_and_becomes_a_quiet_server(
    recipe: Path, started: dict[str, Any], tmp_path: Path
) -> None:
    tracker = _store(recipe, tmp_path / "root")
    port = str(free_port())
    arguments = ["ui", str(recipe), "--root", str(tmp_path / "root"), "--port", port]
    done = CliRunner().invoke(main, arguments)
    assert isinstance(done.exception, Became), done.output
    path, query = _parts(done.output)
    assert path == f"http://127.0.0.1:{port}/#/experiments/{tracker.experiment_id}/runs"
    assert query["workflowType"] == ["machine_learning"]
    key = query["viewStateShareKey"][0]
    tags = tracker.client.get_experiment(tracker.experiment_id).tags
    assert f"mlflow.sharedViewState.{key}" in tags
    assert started["server"][-2:] == ["--port", port]
    assert QUIET.items() <= started["environment"].items()
    assert "browser" not in started


def test_what_the_user_asked_for_reaches_the_server(
    recipe: Path, started: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _store(recipe, tmp_path / "root")
    asked = {"MLFLOW_DISABLE_TELEMETRY": "false", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true"}
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    arguments = ["ui", str(recipe), "--root", str(tmp_path / "root"), "--port", str(free_port())]
    CliRunner().invoke(main, arguments)
    assert asked.items() <= started["environment"].items()


def test_open_shows_the_page_that_is_printed(
    recipe: Path, started: dict[str, Any], tmp_path: Path
) -> None:
    _store(recipe, tmp_path / "root")
    arguments = ["ui", str(recipe), "--root", str(tmp_path / "root"), "--port", str(free_port())]
    done = CliRunner().invoke(main, [*arguments, "--open"])
    address, health = started["browser"][-2:]
    assert f"MLflow: {address} (press Ctrl-C to stop)" in done.output
    assert health == f"{address.partition('/#/')[0]}/health"


def test_an_ablation_leads_to_its_fits(
    recipe: Path, started: dict[str, Any], tmp_path: Path
) -> None:
    root = str(tmp_path / "root")
    tracker = _store(recipe, tmp_path / "root")
    open_storage(root).write("ablations/one.json", b"{}")
    done = CliRunner().invoke(main, ["ui", str(recipe), "--root", root, "--port", str(free_port())])
    _, query = _parts(done.output)
    assert query["viewStateShareKey"] == [ablations(root).key] != [CAMPAIGNS.key]
    tags = tracker.client.get_experiment(tracker.experiment_id).tags
    assert f"mlflow.sharedViewState.{ablations(root).key}" in tags


def test_a_server_that_does_not_answer_leads_to_its_experiments(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, started: dict[str, Any]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    server = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    done = CliRunner().invoke(main, ["ui", str(recipe), "--root", str(tmp_path / "root")])
    assert done.exit_code == 0, done.output
    assert f"open {server}/#/experiments?workflowType=machine_learning" in done.output
    assert "server" not in started


class _Late(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Late)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/health"
    server.shutdown()
    thread.join()
    server.server_close()


def _show(page: str, health: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.local.show", page, health],
        env={"PATH": "/nowhere", "PYTHONPATH": os.environ["PYTHONPATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_page_opens_in_the_users_browser_once_the_server_answers(
    answering: str, tmp_path: Path
) -> None:
    program = tmp_path / "browser.sh"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n')
    program.chmod(0o755)
    page = "http://127.0.0.1:5000/#/experiments/1/runs?a=b&c=d"
    done = _show(page, answering, BROWSER=str(program))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "opened").read_text() == page


def test_a_machine_without_a_graphical_browser_says_so(answering: str, tmp_path: Path) -> None:
    program = tmp_path / "lynx"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/taken\n")
    program.chmod(0o755)
    for path in ("/nowhere", str(tmp_path)):
        done = _show("http://127.0.0.1:5000/", answering, PATH=path)
        assert done.returncode == 1
        assert done.stderr == "No graphical browser found. Open the address by hand.\n"
    assert not (tmp_path / "taken").exists()

"""Secrets that a real run is given appear in nothing that it prints, writes or logs, also if it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from components.contracts.notify.send import WEBHOOK
from tests.support.campaigns import SMOKE
from tests.support.waiting import finished
from tests.support.webhook_server import webhook_server

pytestmark = pytest.mark.slow
PASSWORD, TOKEN, KEY = "c4nary-passw0rd", "c4nary-t0ken", "c4nary-k3y"
PATH = "s3cret-t0ken"  # of the webhook's address
SECRETS = {
    "MLFLOW_TRACKING_USERNAME": "ann",
    "MLFLOW_TRACKING_PASSWORD": PASSWORD,
    "MLFLOW_TRACKING_TOKEN": TOKEN,
    "LABEL_STUDIO_API_KEY": KEY,
    "CVAT_ACCESS_TOKEN": KEY,
    "AWS_SECRET_ACCESS_KEY": KEY,
    "AWS_SESSION_TOKEN": TOKEN,
}
CHANGES = ("cycle.cycles=1", "train.steps=4", "train.dev_every=4", "train.settle_batches=1")


def run(folder: Path, *changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli", "run", SMOKE, "--root", str(folder / "root")]
    for change in (*CHANGES, *changes):
        command += ["--set", change]
    return finished(command, cwd=folder)


def must_be_silent(folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Search what was printed, and every file: reports, pages, logs, MLflow's database, models."""
    texts = {"output": (done.stdout + done.stderr).encode()}
    texts |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(texts) > 1
    for secret in (PASSWORD, TOKEN, KEY, PATH):
        for form in {secret, quote(secret, safe="")}:
            shown = [name for name, content in texts.items() if form.encode() in content]
            assert not shown, f"{secret} is in {shown}"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def test_a_cycle_keeps_secrets_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook_server() as server:
        monkeypatch.setenv(WEBHOOK, server.url)
        done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert server.texts, "the webhook was used"
    assert (tmp_path / "root" / "cycles" / "1" / "report.json").exists()
    must_be_silent(tmp_path, done)


def test_a_cycle_that_fails_keeps_secrets_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the webhook nor MLflow, whose address holds an account, can be reached; training fails."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:{PASSWORD}@127.0.0.1:9")
    monkeypatch.setenv(WEBHOOK, f"http://127.0.0.1:9/services/T0/{PATH}")
    done = run(
        tmp_path,
        "train.optimizer.learning_rate=1e30",
        "train.optimizer.warmup_steps=0",
    )
    assert done.returncode != 0
    must_be_silent(tmp_path, done)

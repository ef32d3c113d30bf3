"""A real run tells a chat what it waits for, and keeps the chat's address to itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from components.contracts.notify.send import WEBHOOK
from tests.support.stores import ready_store_beside
from tests.support.waiting import finished
from tests.support.webhook_server import webhook_server

RECIPE = Path(__file__).parents[1] / "fixtures" / "campaigns" / "recipe.yaml"


def test_a_run_without_labels_reports_what_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = ready_store_beside(tmp_path / "campaign")
    command = [sys.executable, "-m", "pipelines.cli", "run", str(RECIPE), "--root", str(root)]
    with webhook_server() as server:
        monkeypatch.setenv(WEBHOOK, server.url)
        done = finished([*command, "--set", "feedback.oracle=false"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert server.texts == [f"frozen: Waiting for labels of 2 images. Tasks: {root}/queries/1"]
    assert (root / "campaign.html").exists()
    assert "s3cret" not in done.stdout + done.stderr
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"s3cret" not in path.read_bytes(), path

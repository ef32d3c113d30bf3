"""Progress goes to a file; the work does not depend on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.contracts.process.progress import ENVIRONMENT, Progress


def test_a_report_is_a_line_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "progress"))
    Progress("train", "steps", 3).update(3)
    rows = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    assert (rows[-1]["step"], rows[-1]["done"], rows[-1]["total"]) == ("train", 3, 3)


def test_a_full_disk_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "/dev/full")
    Progress("train", "steps", 3).update(3)

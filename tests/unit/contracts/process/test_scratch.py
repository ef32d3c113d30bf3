"""Temporary folders: the ones in use stay, and those of killed processes go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from components.contracts.process import scratch
from components.contracts.process.errors import StreetloopError

HOLDER = """
from components.contracts.process import scratch
print(scratch.make()[0], flush=True)
input()
"""


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_the_folder_of_a_killed_process_is_deleted_at_the_next_start(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        (theirs / "tmp").mkdir()
        (theirs / "tmp" / "large").write_text("x")
        (tmp_path / "streetloop-run-link").symlink_to(kept)
        (tmp_path / "streetloop-run-file").touch()
        first, descriptor = scratch.make()
        assert (theirs / "tmp" / "large").exists()
        process.send_signal(signal.SIGKILL)
    second, other = scratch.make()
    assert not theirs.exists()
    assert first.is_dir()
    assert kept.is_dir()
    for number in (descriptor, other):
        os.close(number)
    third, last = scratch.make()
    assert not first.exists()
    assert not second.exists()
    assert third.is_dir()
    os.close(last)


def test_a_machine_without_room_for_temporary_files_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(StreetloopError, match="Set the environment variable TMPDIR"):
        scratch.make()

"""What a signal to the command does to the processes below it, and which commands exclude each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from components.contracts.ledger.lease import open_cycle
from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.done import run_once
from components.contracts.step.results import LookResult
from components.contracts.storage import lock
from components.contracts.storage.lock import CampaignBusyError, lock_folder
from components.contracts.storage.open import open_storage
from components.cycle.changes import create
from pipelines.local.runner import run_cycle, session
from tests.support.waiting import PATIENCE, exit_code, running

PROGRAM = """
import subprocess, sys
from pipelines.local.runner import Interrupted, stopping_children
STEP = "import subprocess; p = subprocess.Popen(['/bin/sleep', '36000']); print(p.pid, flush=True); p.wait()"
try:
    with stopping_children():
        subprocess.run([sys.executable, "-c", STEP])
except Interrupted as stop:
    sys.exit(stop.exit_code)
"""


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_processes_of_a_step(number: signal.Signals) -> None:
    # No programs on the path: a slim image has no `ps`.
    command = [sys.executable, "-c", PROGRAM]
    with running(
        command, env={**os.environ, "PATH": ""}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.send_signal(number)
        assert exit_code(process) == 128 + number
    deadline = time.monotonic() + PATIENCE
    while _runs(pid):
        assert time.monotonic() < deadline, "the process below the step still runs"
        time.sleep(0.05)


@pytest.fixture
def bucket() -> Iterator[str]:
    """The address of a bucket that nobody else locks."""
    uri = f"gs://{uuid.uuid4().hex}/streets"
    yield uri
    folder = lock_folder(open_storage(uri))
    for path in (*folder.rglob("lock"), folder / ".streetloop", folder):
        path.unlink() if path.is_file() else path.rmdir()


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_spellings_of_one_bucket_are_one_campaign_wherever_temporary_files_go(
    bucket: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with session(bucket):
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr(tempfile, "tempdir", None)  # it is found once per process
        words = f"working on {bucket} .process {os.getpid()}"
        with pytest.raises(CampaignBusyError, match=words), session(bucket + end):
            pass
    with session(bucket + end):
        pass


def test_campaigns_of_similar_addresses_do_not_exclude_each_other() -> None:
    uris = ["gs://b/p", "s3://bb/p", "gs://b-p", "gs://b/p/q", "gs://b/p-q", f"gs://b/{'p' * 900}"]
    folders = {lock_folder(open_storage(uri)) for uri in uris}
    assert len(folders) == len(uris)
    assert all(len(folder.name) < 100 for folder in folders)


def test_a_run_that_opens_no_cycle_is_not_explained_by_the_error_of_an_earlier_one(
    tmp_path: Path,
) -> None:
    root = str(tmp_path / "root")
    storage = open_storage(root)
    create(storage, Recipe.model_validate({"name": "street", "data": {"source": "/streets"}}))
    lease = open_cycle(Ledger(storage), "local-earlier", 3600)
    Ledger(storage).commit("seed", "seed", {"image_ids": ["a"]}, fence=lease.fence)

    def body() -> LookResult:
        raise ValueError("The disk is full.")

    with pytest.raises(ValueError, match="disk"):
        run_once(storage, lease.cycle, "train", {}, LookResult, body, lease.fence)
    changed = Recipe.model_validate({"name": "street", "data": {"source": "/others"}})
    with pytest.raises(StreetloopError, match=r"data\.source") as caught:
        run_cycle(changed, root, tmp_path / "session", tmp_path / "log")
    assert "disk" not in str(caught.value)


def test_two_spellings_of_a_folder_are_one_campaign(tmp_path: Path) -> None:
    with session(str(tmp_path / "root")):
        for again in (f"file://{tmp_path}/root/", f"{tmp_path}/x/../root"):
            (tmp_path / "x").mkdir(exist_ok=True)
            with pytest.raises(CampaignBusyError), session(again):
                pass


def test_a_folder_of_locks_that_is_not_the_user_s_own_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_PLACES", (str(tmp_path / "missing"), str(tmp_path)))
    own = tmp_path / f"streetloop-{os.getuid()}"
    own.symlink_to(tmp_path / "victim")
    (tmp_path / "victim").mkdir()
    with pytest.raises(StreetloopError, match=f"{own}, .* belongs to another user or is a link"):
        lock_folder(open_storage("gs://b/p"))
    own.unlink()
    own.touch()
    with pytest.raises(StreetloopError, match=f"Could not make {own}"):
        lock_folder(open_storage("gs://b/p"))
    own.unlink()
    assert lock_folder(open_storage("gs://b/p")).parent == own
    assert own.stat().st_mode & 0o777 == 0o700

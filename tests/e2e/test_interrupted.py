"""Kills in the middle of training, and masks deleted that nobody asked for: the same models."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from components.contracts.ledger.ledger import Ledger
from components.contracts.storage.open import open_storage
from tests.support.campaigns import (
    SMOKE,
    STREETLOOP,
    models_of,
    state_of,
    status,
    step_processes,
    streetloop,
    wait_for_no_steps,
)
from tests.support.mlflow_content import content_of
from tests.support.stores import ready_store_beside
from tests.support.waiting import exit_code, running, wait_until


def _interrupt_in_training(root: Path, number: int, cycle: int) -> int:
    """Starts `run`, sends the signal once training runs and has a checkpoint; returns the exit code."""
    command = [STREETLOOP, "run", SMOKE, "--root", str(root)]
    checkpoints = root / "work" / str(cycle) / "checkpoint"
    with running(command, cwd=root.parent, stdout=subprocess.DEVNULL) as process:
        wait_until(
            lambda: step_processes(root, "train") and list(checkpoints.glob("*.npz")), process
        )
        process.send_signal(number)
        code = exit_code(process)
    wait_for_no_steps(root)
    return code


@pytest.mark.parametrize("last", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_kills_and_deleted_masks_change_nothing(smoke: Path, tmp_path: Path, last: int) -> None:
    """SIGKILL hits the first cycle, SIGTERM the last one."""
    root = ready_store_beside(tmp_path / "smoke")
    run = ("run", SMOKE, "--root", str(root), "--cycles")
    assert _interrupt_in_training(root, signal.SIGKILL, cycle=1) == -signal.SIGKILL
    assert len(state_of(root).labels) == 4
    if last == 2:
        done = streetloop(*run, "1", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert [c["cycle"] for c in status(root)["cycles"]] == [1]

    state = state_of(root)
    wanted = set(state.labels) | set(state.outstanding)
    pool = _pool(root)
    deleted = 0
    for mask in (root / "source" / "gtFine" / "train").rglob("*"):
        image_id = mask.name.split("_gtFine_")[0]
        if mask.is_file() and image_id in pool - wanted:
            os.remove(mask)
            deleted += 1
    assert deleted > 0

    code = _interrupt_in_training(root, signal.SIGTERM, cycle=last)
    assert code == 128 + signal.SIGTERM
    done = streetloop(*run, str(last), cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    assert models_of(root) == models_of(smoke)[:last]
    state, plain = state_of(root), state_of(smoke)
    assert list(state.cycles) == [1, 2][:last]
    after = (set(plain.labels) | set(plain.outstanding)) - set(state.labels)
    assert len(state.labels) == (4, 7)[last - 1]
    assert {i: v[-1].sha256 for i, v in state.labels.items()} == {
        i: plain.labels[i][-1].sha256 for i in state.labels
    }
    assert all(len(versions) == 1 for versions in state.labels.values())
    assert len(state.outstanding) == 3
    assert set(state.outstanding) <= after
    assert Ledger(open_storage(str(root))).verify() == []

    # Kills and retries leave MLflow no second run, point, image or version.
    found, whole = (
        content_of(f"sqlite:///{place / 'mlflow' / 'mlflow.db'}", "smoke")
        for place in (tmp_path, smoke.parent)
    )
    assert found["runs"] == 1 + last
    assert found["curve"] == whole["curve"][:last]
    if last == 2:
        assert found["aliases"] == whole["aliases"]
    for version, words in found["descriptions"].items():
        assert words == whole["descriptions"][version]
    for cycle in ("1", "2")[:last]:
        one, other = found["cycles"][cycle], whole["cycles"][cycle]
        for name in ("status", "losses", "files", "images"):
            assert one[name] == other[name], name
        # The records' fingerprint covers when their source was written: it is each campaign's own.
        assert one["datasets"].keys() == other["datasets"].keys() == {"labeled", "records"}
        assert one["datasets"]["labeled"] == other["datasets"]["labeled"]


def _pool(root: Path) -> set[str]:
    from components.contracts.data.records import Records

    (folder,) = (root / "records").iterdir()
    return set(Records(folder).ids("train"))

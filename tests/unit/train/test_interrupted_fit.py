"""Fits that are killed and resumed end as if nothing had happened, bit for bit."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np

from tests.support.waiting import exit_code, finished, running

POD_GRACE_SECONDS = 30  # Kubernetes' default, and Kubeflow Pipelines has no setting for it
WORKER = Path(__file__).parents[2] / "support" / "fit_worker.py"


def _command(folder: Path, *words: int) -> list[str]:
    return [sys.executable, str(WORKER), str(folder), *map(str, words)]


def _fit(folder: Path, *words: int) -> int:
    done = finished(_command(folder, *words))
    print(done.stderr[-4000:])
    return done.returncode


def _seconds_to_stop(folder: Path, step: int) -> float:
    """Ask a fit to stop after a step; return the time until its process is gone, its state saved."""
    done = finished(_command(folder, signal.SIGTERM, step))
    gone = time.monotonic()
    assert done.returncode == 128 + signal.SIGTERM, done.stderr[-4000:]
    seconds = gone - float(re.findall(r"signalled at (\S+)", done.stdout)[0])
    print(f"The fit stopped within {seconds:.2f} s of SIGTERM.")
    return seconds


def _step(folder: Path) -> int:
    return json.loads(str(np.load(folder / "state.npz")["meta"]))["step"]


def test_fit_killed_twice_ends_as_an_uninterrupted_one(tmp_path):
    """Compare weights, average, moments, random state and best model, with every objective on."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    with running(_command(whole)) as uninterrupted:
        assert _fit(killed, signal.SIGKILL, 6) == -signal.SIGKILL  # before it saves that step
        assert _step(killed) == 4
        assert _seconds_to_stop(killed, 10) < POD_GRACE_SECONDS
        assert _step(killed) == 11  # a step at which it would not have saved
        assert _fit(killed) == 0
        assert exit_code(uninterrupted) == 0

    for name in ("state.npz", "end.npz"):
        expected, actual = (np.load(folder / name) for folder in (whole, killed))
        assert set(actual.files) == set(expected.files)
        for key in expected.files:
            np.testing.assert_array_equal(actual[key], expected[key], err_msg=f"{name}: {key}")
    meta = json.loads(str(np.load(whole / "state.npz")["meta"]))
    assert meta["best_step"] > 4, "the best model comes from the resumed fit"

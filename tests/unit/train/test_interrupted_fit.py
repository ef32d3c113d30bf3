"""Fits that are killed and resumed end as if nothing had happened, bit for bit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

WORKER = Path(__file__).parents[2] / "support" / "fit_worker.py"


def _start(folder: Path, *words: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(WORKER), str(folder), *map(str, words)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def _end(process: subprocess.Popen[str], code: int = 0) -> None:
    _, errors = process.communicate(timeout=900)
    assert process.returncode == code, errors[-4000:]


def _step(folder: Path) -> int:
    return json.loads(str(np.load(folder / "state.npz")["meta"]))["step"]


@pytest.mark.timeout(1800)
def test_fit_killed_twice_ends_as_an_uninterrupted_one(tmp_path):
    """Compare weights, average, moments, random state and best model, with every objective on."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    uninterrupted = _start(whole)

    _end(_start(killed, signal.SIGKILL, 6), -signal.SIGKILL)  # before it saves that step
    assert _step(killed) == 4
    _end(_start(killed, signal.SIGTERM, 10), 128 + signal.SIGTERM)
    assert _step(killed) == 11  # a step at which it would not have saved
    _end(_start(killed))
    _end(uninterrupted)

    for name in ("state.npz", "end.npz"):
        expected, actual = (np.load(folder / name) for folder in (whole, killed))
        assert set(actual.files) == set(expected.files)
        for key in expected.files:
            np.testing.assert_array_equal(actual[key], expected[key], err_msg=f"{name}: {key}")
    meta = json.loads(str(np.load(whole / "state.npz")["meta"]))
    assert meta["best_step"] > 4, "the best model comes from the resumed fit"

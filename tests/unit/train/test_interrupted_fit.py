"""Fits that are killed and resumed end as if nothing had happened, bit for bit."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import numpy as np

from tests.support.waiting import finished

POD_GRACE_SECONDS = 30  # Kubernetes' default, and Kubeflow Pipelines has no setting for it
WORKER = Path(__file__).parents[2] / "support" / "fit_worker.py"


def test_fit_killed_twice_ends_as_an_uninterrupted_one(tmp_path):
    """Compare weights, average, moments, random state and best model, with every objective on."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    done = finished([sys.executable, str(WORKER), str(whole), str(killed)])
    assert done.returncode == 0, done.stderr[-4000:]
    first, second, third = json.loads(done.stdout.splitlines()[-1])
    assert (first["code"], first["step"]) == (-signal.SIGKILL, 4)  # before it saves step 6
    # It stops at a step at which it would not have saved.
    assert (second["code"], second["step"]) == (128 + signal.SIGTERM, 11)
    assert 0 < second["seconds"] < POD_GRACE_SECONDS
    assert third["code"] == 0

    for name in ("state.npz", "end.npz"):
        expected, actual = (np.load(folder / name) for folder in (whole, killed))
        assert set(actual.files) == set(expected.files)
        for key in expected.files:
            np.testing.assert_array_equal(actual[key], expected[key], err_msg=f"{name}: {key}")
    meta = json.loads(str(np.load(whole / "state.npz")["meta"]))
    assert meta["best_step"] > 4, "the best model comes from the resumed fit"

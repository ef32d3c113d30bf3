"""`streetloop crossval`: every place is held out once; what is finished is not repeated."""

from __future__ import annotations

import json
from pathlib import Path

from components.contracts.tracking.client import Tracker
from tests.support.campaigns import SMOKE, streetloop
from tests.support.stores import ready_store_beside


def test_a_cross_validation_runs_once(tmp_path: Path) -> None:
    root = ready_store_beside(tmp_path / "crossval")
    command = ("crossval", SMOKE, "--root", str(root), "--folds", "2", "--set", "train.steps=2")
    done = streetloop(*command, cwd=tmp_path)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    report = json.loads((root / "crossval.json").read_text())
    assert report["complete"]
    (variant,) = report["variants"]
    assert sorted(variant["folds"]) == ["fold 1", "fold 2"]
    assert (root / "crossval.png").read_bytes().startswith(b"\x89PNG")
    fits = [json.loads(path.read_text()) for path in root.glob("fits/*/result.json")]
    assert {tuple(fit["scores"]) for fit in fits} == {("dev",)}  # val is not looked at
    first, second = (set(fit["labeled"]) for fit in fits)
    assert len(first) == report["folds"]["fold 1"] or len(first) == report["folds"]["fold 2"]
    assert not first & second  # each trains on the places of the other's fold
    assert all(fit["best_step"] == fit["steps"] == 2 for fit in fits)

    tracker = Tracker(f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}", "streetloop")
    runs = tracker.client.search_runs([tracker.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [run.data.tags["streetloop.kind"] for run in parents] == ["cross-validation"]
    nested = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert all("final/dev_miou" in run.data.metrics for run in nested)
    assert len(nested) == 2

    again = streetloop(*command, cwd=tmp_path)
    assert again.returncode == 0
    assert again.stdout.count("finished before") == 2
    assert json.loads((root / "crossval.json").read_text()) == report

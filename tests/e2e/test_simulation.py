"""A real simulation on generated streets: it ends, resumes, and its curves are in MLflow."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

from tests.support.campaigns import SMOKE, STREETLOOP, streetloop
from tests.support.stores import ready_store_beside
from tests.support.waiting import exit_code, running, wait_until

CHANGES = (
    "train.network.encoder={name: efficientnet_lite0}",
    "split.dev_by=city",
    "split.dev_fraction=0.3",
)


def test_a_simulation_stops_resumes_and_is_compared_in_mlflow(tmp_path: Path) -> None:
    command = ["simulate", SMOKE, "--root", str(tmp_path / "s"), "--budgets", "2,4", "--steps", "4"]
    command += [word for change in CHANGES for word in ("--set", change)]
    command += ["--seeds", "0,1", "--strategies", "stratified,auto"]
    root = ready_store_beside(tmp_path / "s")
    one = [STREETLOOP, *command, "--processes", "1"]
    with running(one, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: list(root.glob("simulations/*/stratified-0.json")), process)
        process.send_signal(signal.SIGTERM)
        assert exit_code(process) == 128 + signal.SIGTERM
    assert not (root / "logs" / "seed-1.log").exists()  # nothing was started after the signal
    (first,) = root.glob("simulations/*/stratified-0.json")
    before = first.stat().st_mtime_ns

    more = streetloop(*command, cwd=tmp_path)
    assert more.returncode == 0, more.stdout + more.stderr
    assert "1 of 6  stratified, seed 0: mIoU 2: " in more.stdout
    assert first.stat().st_mtime_ns == before  # what was known was not measured again
    analysis = json.loads((tmp_path / "s" / "simulation.json").read_text())
    assert analysis["complete"]
    assert [row["strategy"] for row in analysis["rows"]] == ["stratified", "auto"]
    assert analysis["rows"][1]["difference"]["n"] == 2
    assert (tmp_path / "s" / "simulation.png").read_bytes().startswith(b"\x89PNG")

    results = [json.loads(p.read_text()) for p in tmp_path.glob("s/simulations/*/*-0.json")]
    by_name = {r["strategy"]: r for r in results}
    start = by_name["stratified"]["points"][0]
    assert by_name["auto"]["points"][0]["asked"] == start["asked"]  # the same first labels
    assert by_name["auto"]["points"][0]["miou"] == start["miou"]  # and the same first model
    assert len(set(start["asked"] + by_name["auto"]["points"][1]["asked"])) == 4
    _check_tracking(tmp_path / "s")


def _check_tracking(root: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{root.parent / 'mlflow' / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("streetloop").experiment_id])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    nested = {run.info.run_name: run for run in runs if run is not parent}
    assert sorted(nested) == sorted(
        f"{name}, seed {seed}" for name in ("stratified", "auto", "all labels") for seed in (0, 1)
    )
    assert all(run.info.status == "FINISHED" for run in runs)
    auto = nested["auto, seed 1"]
    assert auto.data.params["query.strategy"] == "auto"
    curve = client.get_metric_history(auto.info.run_id, "curve/miou")
    assert [point.step for point in curve] == [2, 4]
    names = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert {"simulation.md", "simulation.png", "simulation.json"} <= names

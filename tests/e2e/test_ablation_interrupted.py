"""A real ablation, killed and asked to stop in the middle of training: the same results."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.campaigns import SMOKE, STREETLOOP
from tests.support.waiting import exit_code, finished, running, wait_until

pytestmark = pytest.mark.slow
CHANGES = ("train.steps=4", "train.dev_every=2", "train.checkpoint_every=1")


def _command(root: Path, variants: str, seeds: str) -> list[str]:
    command = [STREETLOOP, "ablate", SMOKE, "--root", str(root), "--labels", "1/4"]
    command += ["--variants", variants, "--seeds", seeds]
    return command + [word for change in CHANGES for word in ("--set", change)]


def _run(command: list[str], cwd: Path) -> str:
    done = finished(command, cwd=cwd)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def _results(root: Path) -> dict[tuple[str, int], dict[str, Any]]:
    rows = [json.loads(path.read_text()) for path in (root / "fits").glob("*/result.json")]
    return {(row["variant"], row["seed"]): row for row in rows}


def _stop_in_training(command: list[str], root: Path, number: int, before: int) -> int:
    """Sends the signal once so many fits are finished and the next has a checkpoint."""
    with running(command, cwd=root.parent, stdout=subprocess.DEVNULL) as process:
        wait_until(
            lambda: len(_results(root)) == before and list(root.glob("fits/*/checkpoint.npz")),
            process,
        )
        process.send_signal(number)
        return exit_code(process)


def test_an_ablation_survives_its_kills(tmp_path: Path) -> None:
    root, other = tmp_path / "killed", tmp_path / "plain"
    command = _command(root, "supervised,all", "0,1")
    assert _stop_in_training(command, root, signal.SIGKILL, 0) == -signal.SIGKILL
    assert _stop_in_training(command, root, signal.SIGTERM, 1) == 128 + signal.SIGTERM
    first = {path: path.stat().st_mtime_ns for path in root.glob("fits/*/result.json")}
    assert len(first) == 1
    assert "Not complete: 1 of 4 fits" in (root / "ablation.md").read_text()

    _run(command, tmp_path)
    table = (root / "ablation.md").read_text()
    assert {path: path.stat().st_mtime_ns for path in first} == first
    assert not list(root.glob("fits/*/checkpoint.npz"))
    begun = {log.name: log.read_text().count("ablate begins") for log in root.glob("logs/*-*.log")}
    assert sorted(begun.values()) == [1, 1, 2, 2]

    _run(command, tmp_path)
    assert (root / "ablation.md").read_text() == table
    assert {
        log.name: log.read_text().count("ablate begins") for log in root.glob("logs/*-*.log")
    } == begun

    # The two that were interrupted are what they would have been.
    _run(_command(other, "supervised,all", "0"), tmp_path)
    killed, plain = _results(root), _results(other)
    for key in plain:
        for name in ("scores", "best_step", "labeled", "unlabeled"):
            assert killed[key][name] == plain[key][name], (key, name)
        assert killed[key]["history"].keys() == plain[key]["history"].keys()
    _check_tracking(tmp_path, killed)


def _check_tracking(tmp_path: Path, results: dict[tuple[str, int], dict[str, Any]]) -> None:
    """One parent an ablation; one nested run a fit, with each point once."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow/mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("streetloop").experiment_id])
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    assert len(parents) == 2  # of two roots
    (parent,) = [r for r in parents if r.data.tags["streetloop.root"].endswith("killed")]
    nested = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert sorted(r.info.run_name for r in nested) == sorted(f"{v}-{s}" for v, s in results)
    for run in [parent, *nested]:
        assert run.info.status == "FINISHED"
    for run in nested:
        points = client.get_metric_history(run.info.run_id, "dev/miou")
        assert [p.step for p in points] == [2, 4]

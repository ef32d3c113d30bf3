"""`streetloop run`, killed at random moments of a real cycle and run again: as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

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
from tests.support.waiting import running

pytestmark = pytest.mark.faults

SEED = int(os.environ.get("STREETLOOP_FAULT_SEED", "1"))
KILLS = 10
# One cycle, as short as it goes; a checkpoint at every step, so that most kills in the fit resume one.
CHANGES = ("cycle.cycles=1", "train.steps=4", "train.dev_every=2", "train.checkpoint_every=1")
OPTIONS = [SMOKE, *(part for change in CHANGES for part in ("--set", change))]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], float]:
    """What the campaign ends in if nobody kills it, and how long it takes in seconds."""
    root = tmp_path_factory.mktemp("whole") / "smoke"
    started = time.monotonic()
    done = streetloop("run", *OPTIONS, "--root", str(root), cwd=root.parent)
    seconds = time.monotonic() - started
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    print(f"\nseed {SEED}; without a kill: {seconds:.0f} s")
    return outcome(root), seconds


@pytest.mark.parametrize("number", range(KILLS))
def test_a_kill_at_a_random_moment_changes_nothing_after_a_rerun(
    whole: tuple[dict[str, Any], float], number: int, tmp_path: Path
) -> None:
    expected, seconds = whole
    root, told = killed(random.Random(f"{SEED} {number}").uniform(0, seconds), tmp_path)
    print(f"\nkill {number} of seed {SEED}: {told}")
    wait_for_no_steps(root)
    started = time.monotonic()
    done = streetloop("run", *OPTIONS, "--root", str(root), cwd=root.parent)
    assert done.returncode == 0, f"{told}\n{done.stdout}\n{done.stderr}"
    print(f"run again: {time.monotonic() - started:.0f} s")
    assert outcome(root) == expected, told
    assert step_processes(root) == []


def killed(moment: float, folder: Path) -> tuple[Path, str]:
    """Starts a campaign and kills the command so many seconds later; its root, and where it stood."""
    while True:
        root = folder / f"after-{moment:.1f}" / "smoke"
        root.parent.mkdir()
        command = [STREETLOOP, "run", *OPTIONS, "--root", str(root)]
        with running(command, cwd=root.parent, stdout=subprocess.DEVNULL) as process:
            time.sleep(moment)
            process.send_signal(signal.SIGKILL)
        if process.returncode == -signal.SIGKILL:
            return root, f"after {moment:.1f} s, in {where(root)}"
        moment *= 0.8  # the machine was quicker this time


def where(root: Path) -> str:
    """The step that ran last, by its log."""
    logs = list((root / "logs").glob("*.log"))
    begun = [line for log in logs for line in log.read_text().splitlines() if " begins" in line]
    return begun[-1].split()[-2] if begun else "no step yet"


def outcome(root: Path) -> dict[str, Any]:
    """What must not depend on kills."""
    import mlflow

    state, storage = state_of(root), open_storage(str(root))
    uri = f"sqlite:///{root.parent / 'mlflow' / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("streetloop")
    runs = client.search_runs([experiment.experiment_id])
    cycle = next(run for run in runs if "cycle" in run.data.tags)
    points = {
        key: [point.step for point in client.get_metric_history(cycle.info.run_id, key)]
        for key in cycle.data.metrics
        if not key.startswith("system/")  # how many there are follows from how long the fit took
    }
    report = status(root)
    queries = [name for name in storage.list("queries") if name.endswith(".json")]
    return {
        "models": models_of(root),
        "labels": {i: [v.sha256 for v in versions] for i, versions in state.labels.items()},
        "outstanding": sorted(state.outstanding),
        "queries": {name: json.loads(storage.read(name)) for name in queries},
        "cycles": [{k: v for k, v in row.items() if k != "seconds"} for row in report["cycles"]],
        "champion": report["champion"],
        "problems": Ledger(storage).verify(),
        "left": storage.list("work"),
        "runs": sorted(f"{run.info.run_name} {run.info.status}" for run in runs),
        "points": points,
        "versions": len(client.search_model_versions("name = 'smoke'")),
    }

"""A step's container, started as a pod starts it: how it ends, and what it imports before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from components.contracts.recipe.recipe import Recipe
from pipelines.cluster.compile import compile_pipeline
from tests.support.places import REPOSITORY

STEPS = (
    "close-cycle",
    "evaluate",
    "feedback",
    "open-cycle",
    "preprocess",
    "query",
    "split",
    "train",
)
VALUES = {
    "cycle": 1,
    "fence": 1,
    "records": "records/none",
    "parts": "work/none",
    "model": "none",
    "owner": "pod",
    "take_over": False,
    "status": {"state": "FAILED", "error": {"message": ""}},
}
ARTIFACTS = {
    "labels": "system.HTML",
    "metrics": "system.Metrics",
    "confusion": "system.ClassificationMetrics",
    "report": "system.HTML",
}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sequence[str]]:
    """The command line of each step's container, as compiled."""
    path = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    compile_pipeline(Recipe(name="street"), None, path)
    spec = next(iter(yaml.safe_load_all(path.read_text())))
    rows = spec["deploymentSpec"]["executors"]
    return {
        name.removeprefix("exec-"): [*row["container"]["command"], *row["container"]["args"]]
        for name, row in rows.items()
    }


def started(
    command: Sequence[str], recipe: str, root: Path, **environment: str
) -> subprocess.Popen[str]:
    outputs = root.parent / "outputs"
    outputs.mkdir(exist_ok=True)
    given = {
        "inputs": {"parameterValues": VALUES | {"recipe": recipe, "root": str(root)}},
        "outputs": {
            "outputFile": str(outputs / "executor.json"),
            "artifacts": {
                name: {
                    "artifacts": [
                        {"name": name, "uri": str(outputs / name), "type": {"schemaTitle": kind}}
                    ]
                }
                for name, kind in ARTIFACTS.items()
            },
        },
    }
    words = [json.dumps(given) if w == "{{$}}" else w for w in command]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {"PATH": path, "PYTHONPATH": str(REPOSITORY), "HOME": str(root.parent)}
    return subprocess.Popen(
        words,
        env={**os.environ, **variables, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # a pod has one log
        text=True,
        cwd=root.parent,
    )


def test_the_log_of_every_step_ends_with_one_line_about_an_expected_error(
    commands: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    assert sorted({name.removesuffix("-2") for name in commands}) == list(STEPS)
    processes = {s: started(commands[s], "{}", tmp_path / "root") for s in STEPS}
    logs = {step: process.communicate(timeout=120)[0] for step, process in processes.items()}
    for step, log in logs.items():
        assert processes[step].returncode == 2, (step, log)
        assert "Traceback" not in log, step
        assert log.splitlines()[-1].startswith("error: Not a resolved recipe: "), step


def test_the_traceback_is_in_the_debug_log(
    commands: dict[str, Sequence[str]], tmp_path: Path
) -> None:
    process = started(commands["split"], "{}", tmp_path / "root", STREETLOOP_DEBUG="1")
    lines = process.communicate(timeout=120)[0].splitlines()
    assert "Traceback (most recent call last):" in lines
    assert lines[-1].startswith("error: Not a resolved recipe: ")


def test_an_unexpected_error_keeps_its_traceback(tmp_path: Path) -> None:
    program = (
        "from components.contracts.process.uncaught import explain_uncaught\n"
        "explain_uncaught()\n"
        "raise KeyError('ours')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.splitlines()[-1] == "KeyError: 'ours'"

"""MLflow sends nothing to its makers, and starts no workers, unless somebody asks for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from components.contracts.step.context import set_environment
from components.contracts.tracking.environment import QUIET, keep_mlflow_quiet

# In a process of its own: MLflow reads the environment once. On CI it would be quiet anyway.
ASK_MLFLOW = """
from pathlib import Path
from components.contracts.tracking.client import Tracker
Tracker("http://127.0.0.1:9", "streetloop").client  # nobody is asked yet
import mlflow.telemetry.utils as utils
from mlflow.environment_variables import MLFLOW_SERVER_ENABLE_JOB_EXECUTION as JOBS
utils._IS_IN_CI_ENV_OR_TESTING = False
print(utils.is_telemetry_disabled(), JOBS.get())
"""


def test_what_is_set_already_stays() -> None:
    environment = {"MLFLOW_DISABLE_TELEMETRY": "false", "PATH": "/bin"}
    keep_mlflow_quiet(environment)
    assert environment == QUIET | {"MLFLOW_DISABLE_TELEMETRY": "false", "PATH": "/bin"}


def test_every_step_keeps_mlflow_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in QUIET:
        monkeypatch.delenv(name, raising=False)
    set_environment()
    assert {name: os.environ[name] for name in QUIET} == QUIET


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({}, "True False"),
        ({"MLFLOW_DISABLE_TELEMETRY": "false"}, "False False"),
        ({"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true"}, "True True"),
        ({"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "false"}, "True False"),
    ],
    ids=["nothing", "telemetry", "jobs", "not tracked"],
)
def test_mlflow_understands_the_switches(
    asked: dict[str, str],
    answer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in QUIET:
        monkeypatch.delenv(name, raising=False)
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    # Nobody is there to whom it could send anything.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-c", ASK_MLFLOW],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == answer

"""What MLflow's processes read from the environment: no usage data to its makers, no job workers."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

# A person who wants one of these sets MLflow's own variable: what is set already stays. The same
# variables have the same values in containers/ and in mlflow/, and a test compares them.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Other libraries know this one. MLflow would take only "true" for an answer: the line above decides.
    "DO_NOT_TRACK": "1",
    # `mlflow ui` starts seven workers for its GenAI features, which take 2 GB and which nothing here uses.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def keep_mlflow_quiet(environment: MutableMapping[str, str] = os.environ) -> None:
    """Turn off telemetry and job workers in an environment, unless it says something else.

    MLflow starts to send usage data when it is imported, so this comes before the import.
    """
    for name, value in QUIET.items():
        environment.setdefault(name, value)

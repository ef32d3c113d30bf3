"""What MLflow's table of runs shows of the code: the source, its kind, and its commit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_UNKNOWN = "unknown"


def source_tags() -> dict[str, str]:
    """Return MLflow's own tags of what runs here, and `git.sha`, which this project has always set."""
    sha = git_sha()
    tags = {
        "mlflow.source.name": "streetloop",
        # Kubernetes sets this variable in every pod.
        "mlflow.source.type": "JOB" if "KUBERNETES_SERVICE_HOST" in os.environ else "LOCAL",
        "git.sha": sha,
    }
    return tags if sha == _UNKNOWN else tags | {"mlflow.source.git.commit": sha}


def git_sha() -> str:
    """Return the commit that runs: from $STREETLOOP_GIT_SHA (baked into images), else from git."""
    sha = os.environ.get("STREETLOOP_GIT_SHA")
    if sha:
        return sha
    try:
        command = ["git", "rev-parse", "HEAD"]
        here = Path(__file__).parent
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
        return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return _UNKNOWN

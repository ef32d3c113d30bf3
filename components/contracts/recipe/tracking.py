"""The settings of MLflow; this module imports none of it."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from components.contracts.process.uri import is_local
from components.contracts.recipe.base import Settings


class TrackingSettings(Settings):
    """Where MLflow is, and what it gets.

    Attributes:
      uri: the tracking server or store. None uses $MLFLOW_TRACKING_URI, else a SQLite file beside the
        campaign's folder, which all campaigns there share so that they can be compared.
      experiment: name of the MLflow experiment.
      system_metrics_seconds: seconds between two measurements of the machine's load during training;
        0 measures nothing.
    """

    uri: str | None = None
    experiment: str = Field(default="streetloop", min_length=1)
    system_metrics_seconds: float = Field(default=10.0, ge=0)


def store_uri(settings: TrackingSettings, root: str) -> str:
    """Return the tracking URI of a campaign at `root`; create nothing."""
    uri = settings.uri or os.environ.get("MLFLOW_TRACKING_URI")
    if uri:
        return uri
    if not is_local(root):
        return f"sqlite:///{Path('runs/mlflow/mlflow.db').absolute()}"
    return f"sqlite:///{Path(root).expanduser().absolute().parent / 'mlflow' / 'mlflow.db'}"

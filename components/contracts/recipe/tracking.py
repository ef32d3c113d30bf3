"""Where MLflow is: light, so that reading a recipe needs no MLflow."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from components.contracts.recipe.base import Settings


class TrackingSettings(Settings):
    """Where MLflow is.

    Attributes:
      uri: the tracking server or store; None: $MLFLOW_TRACKING_URI, else a SQLite file beside the
        campaign's folder, shared by the campaigns there so that they can be compared.
      experiment: the experiment's name.
      system_metrics_seconds: while a training runs, measure the machine this often; 0: never.
    """

    uri: str | None = None
    experiment: str = Field(default="streetloop", min_length=1)
    system_metrics_seconds: float = Field(default=10.0, ge=0)


def store_uri(settings: TrackingSettings, root: str) -> str:
    """The tracking URI of a campaign at `root`. Creates nothing."""
    uri = settings.uri or os.environ.get("MLFLOW_TRACKING_URI")
    if uri:
        return uri
    if root.startswith("gs://"):
        return f"sqlite:///{Path('runs/mlflow/mlflow.db').absolute()}"
    return f"sqlite:///{Path(root).expanduser().absolute().parent / 'mlflow' / 'mlflow.db'}"

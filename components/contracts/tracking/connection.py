"""The way to an MLflow server or store: its client, and the experiment of a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_EXPERIMENT_KIND = "mlflow.experimentKind"  # shows the pages for training, not those for LLMs
_SQLITE = "sqlite:///"


class Connection:
    """An MLflow at a URI, reached on first use.

    Attributes:
      down: the server did not answer; every later call of this process is skipped.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        self.uri, self.experiment = uri, experiment
        self.down = False
        self._client: Any = None
        self._experiment_id: str | None = None

    @property
    def client(self) -> Any:
        """Return the MlflowClient, and create the folder of a SQLite store."""
        if self._client is None:
            import mlflow

            if self.uri.startswith(_SQLITE):
                self._sqlite_folder.mkdir(parents=True, exist_ok=True)
            mlflow.set_tracking_uri(self.uri)
            self._client = mlflow.MlflowClient(self.uri)
        return self._client

    @property
    def experiment_id(self) -> str:
        """Return the id of the experiment, which is created if it does not exist yet."""
        if self._experiment_id is None:
            existing = self.client.get_experiment_by_name(self.experiment)
            self._experiment_id = str(
                existing.experiment_id if existing is not None else self._create_experiment()
            )
        return self._experiment_id

    def _create_experiment(self) -> Any:
        artifacts = None
        if self.uri.startswith(_SQLITE):
            artifacts = (self._sqlite_folder / "artifacts").as_uri()
        tags = {_EXPERIMENT_KIND: "custom_model_development"}
        return self.client.create_experiment(self.experiment, artifacts, tags=tags)

    @property
    def _sqlite_folder(self) -> Path:
        return Path(self.uri.removeprefix(_SQLITE)).parent

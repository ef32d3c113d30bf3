"""The way to an MLflow server or store: its client, and the experiment of a campaign."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from components.contracts.process.kept_output import without_secrets
from components.contracts.recipe.tracking import SQLITE
from components.contracts.storage.lock import one_at_a_time
from components.contracts.tracking.environment import keep_mlflow_quiet
from components.contracts.tracking.moved import follow_move

log = logging.getLogger("streetloop")

_EXPERIMENT_KIND = "mlflow.experimentKind"  # shows the pages for training, not those for LLMs
_URI = "MLFLOW_TRACKING_URI"
DELETED = "deleted"  # MLflow's lifecycle stage of what a person deleted and may restore


class Connection:
    """An MLflow at a URI, reached on first use.

    Attributes:
      down: the server did not answer, or refused; every later call of this process is skipped.
      strict: whether errors that will not pass by themselves are raised. When a cycle opens, they
        are; later, they must not lose the cycle's work.
    """

    def __init__(self, uri: str, experiment: str, *, strict: bool = False) -> None:
        self.uri, self.experiment, self.strict = uri, experiment, strict
        self.down = False
        self._client: Any = None
        self._experiment_id: str | None = None

    @property
    def address(self) -> str:
        """Return the URI for messages, without an account."""
        return without_secrets(self.uri, ())

    @property
    def client(self) -> Any:
        """Return the MlflowClient, and create the folder of a SQLite store."""
        if self._client is None:
            keep_mlflow_quiet()
            import mlflow

            if self.uri.startswith(SQLITE):
                self._sqlite_folder.mkdir(parents=True, exist_ok=True)
                # Two processes that create its tables at once both fail: MLflow locks only one of
                # the three places where it creates them.
                with one_at_a_time(self._sqlite_folder / ".mlflow.lock"):
                    follow_move(Path(self.uri.removeprefix(SQLITE)), self._artifacts)
                    self._client = mlflow.MlflowClient(self.uri)
            else:
                self._client = mlflow.MlflowClient(self.uri)
            _set_tracking_uri(self.uri)
        return self._client

    @property
    def experiment_id(self) -> str:
        """Return the id of the experiment, which is created or restored if necessary."""
        if self._experiment_id is None:
            existing = self.client.get_experiment_by_name(self.experiment)
            if existing is None:
                self._experiment_id = self._create_experiment()
            else:
                self._experiment_id = str(existing.experiment_id)
                if existing.lifecycle_stage == DELETED:
                    self.client.restore_experiment(self._experiment_id)
                    log.warning(
                        "The experiment %s had been deleted in MLflow. It is restored, because the "
                        "campaign is tracked there; to use another, set tracking.experiment.",
                        self.experiment,
                    )
        return self._experiment_id

    def _create_experiment(self) -> str:
        artifacts = self._artifacts.as_uri() if self.uri.startswith(SQLITE) else None
        tags = {_EXPERIMENT_KIND: "custom_model_development"}
        try:
            return str(self.client.create_experiment(self.experiment, artifacts, tags=tags))
        except Exception:
            # Another campaign may have created it since it was looked up.
            created = self.client.get_experiment_by_name(self.experiment)
            if created is None:
                raise
            return str(created.experiment_id)

    @property
    def _sqlite_folder(self) -> Path:
        return Path(self.uri.removeprefix(SQLITE)).parent

    @property
    def _artifacts(self) -> Path:
        return self._sqlite_folder / "artifacts"


def _set_tracking_uri(uri: str) -> None:
    """Set MLflow's own idea of the store, which logging a model uses.

    MLflow also writes it into the environment, where it would look like a choice of the user's to the
    next campaign that this process opens.
    """
    import mlflow

    before = os.environ.get(_URI)
    mlflow.set_tracking_uri(uri)
    if before is None:
        os.environ.pop(_URI, None)
    else:
        os.environ[_URI] = before

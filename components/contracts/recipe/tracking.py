"""The settings of MLflow; this module imports none of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from components.contracts.process.errors import UsageError
from components.contracts.process.kept_output import without_secrets
from components.contracts.process.uri import is_local, local_path, user_path
from components.contracts.recipe.base import Settings

SQLITE = "sqlite:///"  # begins the address of a store that is a file
_SCHEMES = {"http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks"}
_EXPECTED = f"the address of a server (http://localhost:5000) or a SQLite file ({SQLITE}mlflow.db)"


def check_address(uri: str) -> str:
    """Return a tracking URI; raise a ValueError that says what to write if MLflow cannot use it."""
    scheme, separator, rest = uri.partition(":")
    kind = scheme.partition("+")[0] if separator else ""
    if kind == "file" or (not kind and "mlruns" in uri):
        raise ValueError(f"MLflow no longer writes to folders such as mlruns; use {_EXPECTED}")
    if uri != "databricks" and (kind not in _SCHEMES or not rest.startswith("//")):
        raise ValueError(f"expected {_EXPECTED}")
    if kind == "sqlite" and _sqlite_file(uri) is None:
        raise ValueError(f"a SQLite address needs a file, such as {SQLITE}runs/mlflow/mlflow.db")
    return uri


def _sqlite_file(uri: str) -> Path | None:
    path = uri.partition(":///")[2]
    return None if path in ("", ":memory:") else user_path(path).absolute()


class TrackingSettings(Settings):
    """Where MLflow is, and what it gets.

    Attributes:
      uri: the tracking server or store. None uses $MLFLOW_TRACKING_URI, else a SQLite file beside the
        campaign's folder, which all campaigns there share so that they can be compared. On a cluster, a
        campaign in a bucket needs one of the first two.
      experiment: name of the MLflow experiment.
      system_metrics_seconds: seconds between two measurements of the machine's load during training;
        0 measures nothing.
    """

    uri: Annotated[str, AfterValidator(check_address)] | None = None
    experiment: str = Field(default="streetloop", min_length=1)
    system_metrics_seconds: float = Field(default=10.0, ge=0)


def store_uri(settings: TrackingSettings, root: str) -> str:
    """Return the tracking URI of a campaign at `root`, with an absolute path if it is a SQLite file.

    Raises:
      UsageError: $MLFLOW_TRACKING_URI, which counts where the recipe names no URI, cannot be used; or
        the store would be below a folder with a question mark in its name.
    """
    uri = settings.uri
    if not uri and (uri := os.environ.get("MLFLOW_TRACKING_URI")):
        try:
            check_address(uri)
        except ValueError as error:
            shown = without_secrets(uri, ())
            raise UsageError(f"MLFLOW_TRACKING_URI: {error}; got {shown!r}.") from error
    if uri:
        return f"{SQLITE}{_sqlite_file(uri)}" if uri.startswith("sqlite:") else uri
    beside = Path("runs") if not is_local(root) else Path(os.path.abspath(local_path(root))).parent
    path = (beside / "mlflow" / "mlflow.db").absolute()
    if "?" in str(path):
        raise UsageError(
            f"MLflow's store cannot be {path}: a SQLite address ends at a question mark. Rename the "
            "folder, or name another store with tracking.uri."
        )
    return f"{SQLITE}{path}"

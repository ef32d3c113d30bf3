"""MLflow stores with tables that need not be created again: that takes MLflow seconds each time."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path


def ready_store(file: Path) -> str:
    """Write a store that nobody has used to `file`, and return its URI."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_new_store())
    return f"sqlite:///{file}"


def ready_store_beside(root: Path) -> Path:
    """Write such a store where a campaign at `root` keeps its own by default; return `root`."""
    ready_store(root.parent / "mlflow" / "mlflow.db")
    return root


@functools.cache
def _new_store() -> bytes:
    """Return what a new store contains."""
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mlflow.db"
        mlflow.MlflowClient(f"sqlite:///{file}").search_experiments()
        return file.read_bytes()

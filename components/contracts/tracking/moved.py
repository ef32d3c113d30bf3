"""Follow a SQLite store that was moved or copied: MLflow's tables hold absolute artifact addresses.

Without this, the UI shows no figure of a campaign whose folder was renamed, and the next cycle of a
copy writes its figures into the original.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Where MLflow 3 keeps addresses of artifacts.
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)


def follow_move(database: Path, artifacts: Path) -> None:
    """Point a store's addresses at `artifacts`, if they name the same folder in an earlier place.

    Only experiments are touched whose artifacts are in a folder `artifacts` beside the database, as
    this package creates them, and only if that folder is here now.

    Args:
      database: the SQLite file; nothing happens if it does not exist.
      artifacts: the folder beside it.
    """
    if not (database.is_file() and artifacts.is_dir()):
        return
    # Read-only first: nearly always there is nothing to do, and other processes may be writing.
    address = f"{database.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as store:
        known = _tables(store)
        if "experiments" not in known:
            return
        rows = store.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
    earlier = [uri for (uri,) in rows if uri and _moved(uri, artifacts)]
    if not earlier:
        return
    with closing(sqlite3.connect(database, timeout=30)) as store, store:
        for uri in earlier:
            for table, column in _COLUMNS:
                if table in known:
                    store.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608, names of ours
                        f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                        (artifacts.as_uri(), len(uri) + 1, uri, len(uri) + 1, f"{uri}/"),
                    )


def _moved(uri: str, artifacts: Path) -> bool:
    """Whether `uri` is the folder `artifacts` under the name that it had in an earlier place."""
    parts = urlsplit(uri)
    if parts.scheme != "file" or uri == artifacts.as_uri():
        return False
    before = Path(unquote(parts.path))
    if before.name != artifacts.name:
        return False
    if not before.exists():
        return True
    # It is still there: the store is a copy, unless somebody keeps artifacts elsewhere on purpose.
    return before.parent.name == artifacts.parent.name and not before.samefile(artifacts)


def _tables(store: sqlite3.Connection) -> set[str]:
    rows = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name for (name,) in rows}

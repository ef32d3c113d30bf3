"""Temporary folders that do not outlive their process for long, however it ends.

Each holds a file that its process keeps locked. The kernel releases the lock of a process that was
killed, so whoever comes next can tell the folders that nobody uses any more, and deletes them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from components.contracts.process.errors import StreetloopError
from components.contracts.process.lifeline import create

ALIVE = "alive"
_PREFIX = "streetloop-run-"


def make() -> tuple[Path, int]:
    """Make a temporary folder, and delete those that killed processes of this user have left.

    Returns:
      the folder, and the descriptor that keeps it: close it before you delete the folder.

    Raises:
      StreetloopError: no folder for temporary files can be written.
    """
    try:
        parent = Path(tempfile.gettempdir())
        _sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Under another name until it is locked: nobody must find it unlocked.
        descriptor = create(folder / f".{ALIVE}")
        os.rename(folder / f".{ALIVE}", folder / ALIVE)
        return folder, descriptor
    except OSError as error:
        raise StreetloopError(
            f"Could not make a temporary folder: {error}. Set the environment variable TMPDIR to a "
            "folder that you can write to and that has room."
        ) from error


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        # Another user's, already deleted, still in use, or not locked yet.
        with suppress(OSError), open(folder / ALIVE) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_uid == os.getuid() and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)

"""Temporary folders that do not outlive their process for long, however it ends.

Each is locked by its process. The kernel releases the lock of a process that was killed, so whoever
comes next can tell the folders that nobody uses any more, and deletes them. The lock also keeps
systemd-tmpfiles, which deletes what is old, away from the folder of a campaign that runs for weeks.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from components.contracts.process.errors import StreetloopError
from components.contracts.process.lifeline import lock

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
        # Under a hidden name until it is locked: nobody must find it unlocked.
        hidden = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
        descriptor = lock(hidden)
        return hidden.rename(hidden.with_name(hidden.name[1:])), descriptor
    except OSError as error:
        raise StreetloopError(
            f"Could not make a temporary folder: {error}. Set the environment variable TMPDIR to a "
            "folder that you can write to and that has room."
        ) from error


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # in use, another user's, or no folder
            descriptor = lock(folder)
            if os.fstat(descriptor).st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)

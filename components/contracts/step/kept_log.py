"""Keep the log of a step in the campaign root: on a cluster, pods vanish with theirs.

What Python prints is kept, which includes an uncaught error. What native code writes straight to the
file descriptors is in the pod's own log alone: that log never depends on this one.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress

from components.contracts.ledger.layout import step_log
from components.contracts.process.kept_output import KeptOutput, Tee, environment_secrets
from components.contracts.storage.base import Storage

KEEP = "STREETLOOP_KEEP_LOGS"  # set in the pods of a cluster
_EVERY_SECONDS = 30.0  # what a kill by the kernel may lose
log = logging.getLogger("streetloop")


class _KeptLog:
    """This process's log, and where it is kept."""

    def __init__(self) -> None:
        self.output = KeptOutput(environment_secrets())
        self._lock = threading.Lock()
        self._place: tuple[Storage, str] | None = None
        sys.stdout, sys.stderr = Tee(sys.stdout, self.output), Tee(sys.stderr, self.output)
        atexit.register(self.write)
        threading.Thread(target=self._write_often, daemon=True, name="kept-log").start()

    def next_step(self) -> None:
        """Write what one step has printed, before another one begins in the same process."""
        self.write()
        with self._lock:
            self._place = None
        self.output.clear()

    def into(self, storage: Storage, name: str) -> None:
        """Keep the log under this name, after that of an earlier attempt."""
        with suppress(Exception):
            earlier, here = storage.read(name).decode(errors="replace"), self.output.text()
            self.output.clear()
            self.output.add(f"{earlier.rstrip()}\n--- another attempt ---\n{here}")
        with self._lock:
            self._place = (storage, name)

    def drop(self) -> None:
        """Keep nothing of this step, and delete what was kept."""
        with self._lock:
            place, self._place = self._place, None
        if place is not None:
            with suppress(Exception):
                place[0].delete(place[1])

    def write(self) -> None:
        """Store the log. A root that cannot be written must not fail a step for its log's sake."""
        with self._lock:
            if self._place is None or not self.output.changed:
                return
            storage, name = self._place
            self.output.changed = False
            try:
                storage.write(name, self.output.text().encode(errors="replace"))
            except Exception as error:
                log.debug("The step's log could not be kept: %s", error)

    def _write_often(self) -> None:
        while True:
            threading.Event().wait(_EVERY_SECONDS)
            self.write()


_kept: _KeptLog | None = None


def begin_log() -> None:
    """Begin to keep what this process prints, in the pods of a cluster."""
    global _kept
    if not os.environ.get(KEEP):
        return
    if _kept is None:
        _kept = _KeptLog()
    else:
        _kept.next_step()


def keeps_logs() -> bool:
    """Return whether this process keeps what it prints."""
    return _kept is not None


def keep_log(storage: Storage, owner: str, step: str, secret_variables: Iterable[str]) -> None:
    """Keep the log of a step of a run.

    Args:
      storage: the campaign root.
      owner: the run.
      step: the task's name, as `streetloop logs` takes it.
      secret_variables: names of environment variables with secrets, beside those that look like it.
    """
    if _kept is not None:
        _kept.output.hide(environment_secrets(secret_variables))
        _kept.into(storage, step_log(owner, step))


def drop_log() -> None:
    """Keep nothing of this step: it did nothing, and a schedule repeats that for ever."""
    if _kept is not None:
        _kept.drop()

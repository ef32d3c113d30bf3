"""End a step's process on an expected error with one line, as a command line does.

KFP's executor calls the step and catches nothing: without this, the last lines of a pod's log would
be the traceback of an error that a person is meant to read.
"""

from __future__ import annotations

import logging
import sys
from types import TracebackType

from components.contracts.process.errors import StreetloopError, UsageError

log = logging.getLogger("streetloop")
DONE, FAILED, USAGE = 0, 1, 2


def one_line(error: BaseException) -> str:
    """Return the line that reports an expected error."""
    return "error: " + " ".join(str(error).split())


def exit_code(error: StreetloopError) -> int:
    """Return the exit code of a process that ends with an expected error."""
    return USAGE if isinstance(error, UsageError) else FAILED


def explain_uncaught() -> None:
    """Report an uncaught StreetloopError as one line; its traceback goes to the debug log."""
    sys.excepthook = _hook


def _hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not isinstance(error, StreetloopError):
        sys.__excepthook__(kind, error, traceback)
        return
    log.debug("The traceback of the error below:", exc_info=error)
    print(one_line(error), file=sys.stderr, flush=True)
    # Python exits with the code of a SystemExit that a hook raises, and cleans up before.
    raise SystemExit(exit_code(error))

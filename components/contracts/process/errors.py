"""The errors that a person is meant to read."""

from __future__ import annotations

from typing import ClassVar


class StreetloopError(Exception):
    """An error that the user can act on: the message names the problem, then the remedy.

    The command line prints it without a traceback and exits with 1.

    Attributes:
      transient: the same attempt may succeed later although nobody does anything.
    """

    transient: ClassVar[bool] = False


class UsageError(StreetloopError):
    """A recipe or a command line that is wrong whatever the data. Exits with 2."""

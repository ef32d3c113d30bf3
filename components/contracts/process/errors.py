"""The errors that a person is meant to read."""

from __future__ import annotations


class StreetloopError(Exception):
    """An error that the user can act on: the message names the problem, then the remedy.

    The command line prints it without a traceback and exits with 1.
    """


class UsageError(StreetloopError):
    """A recipe or a command line that is wrong whatever the data. Exits with 2."""

"""The errors that a person is meant to read."""

from __future__ import annotations


class StreetloopError(Exception):
    """Something a user can act on: the message says what was expected, what came, what to do.

    The command line prints it without a traceback and exits with 1.
    """


class UsageError(StreetloopError):
    """A recipe or a command line that cannot be right, whatever the data. Exits with 2."""

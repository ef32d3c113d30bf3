"""Say what kind of address a campaign root or a data set has."""

from __future__ import annotations

import os
from pathlib import Path


def split_uri(uri: str) -> tuple[str, str]:
    """Return the scheme of an address, which is "file" for a plain path, and what follows it."""
    scheme, separator, rest = uri.partition("://")
    return (scheme, rest) if separator else ("file", uri)


def user_path(text: str) -> Path:
    """Return a path as a person writes it, with `~` expanded.

    A name after `~` that is no user's stays as it is; `Path.expanduser` would raise.
    """
    return Path(os.path.expanduser(text))


def local_path(uri: str) -> Path:
    """Return the path of a local address: a plain path or file:///path, either with `~`."""
    return user_path(split_uri(uri)[1])


def expanded(uri: str) -> str:
    """Return an address with the home folder in place of `~`; other addresses are unchanged."""
    return str(local_path(uri)) if is_local(uri) and split_uri(uri)[1].startswith("~") else uri


def absolute(uri: str) -> str:
    """Return a local address as a plain absolute path without `.`, `..` or a slash at its end.

    Links stay as they are: the target of a link may move. Other addresses are unchanged.
    """
    return os.path.abspath(local_path(uri)) if is_local(uri) else uri


def is_same_place(recorded: str, given: str) -> bool:
    """Return whether two addresses mean the same place, as far as a recorded relative path says.

    Args:
      recorded: as some version wrote it down; nobody knows from which folder a relative path started.
      given: as `absolute` returns it.
    """
    if recorded == given or not (is_local(recorded) and is_local(given)):
        return recorded == given
    before = Path(os.path.normpath(local_path(recorded)))
    if before.is_absolute():
        return str(before) == given
    known = tuple(part for part in before.parts if part != "..")
    parts = Path(given).parts
    return parts[len(parts) - len(known) :] == known


def has_password(uri: str) -> bool:
    """Return whether an address holds a password: scheme://user:password@host."""
    account, at, _ = split_uri(uri)[1].partition("/")[0].rpartition("@")
    return bool(at) and ":" in account


def is_local(uri: str) -> bool:
    """Whether the address is a folder or a file of this machine and not an object store."""
    return split_uri(uri)[0] == "file"

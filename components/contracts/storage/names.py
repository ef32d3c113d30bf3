"""Names in a campaign root: relative POSIX paths that stay inside it."""

from __future__ import annotations

import re

from components.contracts.storage.errors import StorageError

# Ours alone inside a root: temporary files, probes and the lock. No name may start here.
PRIVATE = ".streetloop"


def check_name(name: str) -> str:
    """Return `name` if it is a relative POSIX path that stays inside the root.

    Raises:
        StorageError: the name is empty or absolute, has `.`, `..`, an empty part, a NUL or a line
            break, or starts with the private folder.
    """
    parts = name.split("/")
    if (
        any(part in ("", ".", "..") for part in parts)
        or parts[0] == PRIVATE
        or re.search(r"[\x00\r\n]", name)
    ):
        raise StorageError(
            f"{name!r} is not a relative name without '..', such as 'labels/image/1.png'."
        )
    return name


def check_prefix(prefix: str, *, allow_root: bool = True) -> str:
    """Return `prefix` without its trailing slash; the empty prefix means the whole root.

    Raises:
        StorageError: as `check_name`, or the prefix is the root and `allow_root` is false.
    """
    if prefix == "" and allow_root:
        return ""
    return check_name(prefix.removesuffix("/"))

"""Names in a campaign root: relative POSIX paths that stay inside it."""

from __future__ import annotations

import mimetypes
import re

from components.contracts.process.errors import UsageError
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


def bucket_and_prefix(uri: str, scheme: str) -> tuple[str, str]:
    """Return the bucket of `scheme://bucket/prefix`, and the prefix without slashes around it.

    Raises:
        UsageError: the address names no bucket, or its prefix is not a relative path.
    """
    bucket, _, prefix = uri.removeprefix(f"{scheme}://").partition("/")
    prefix = prefix.strip("/")
    if not bucket:
        raise UsageError(f"{uri!r} names no bucket. Expected {scheme}://bucket/prefix.")
    try:
        return bucket, check_name(prefix) if prefix else ""
    except StorageError as error:
        raise UsageError(f"Cannot open {uri!r}: {error}") from error


def type_of(name: str) -> str:
    """Return the media type of a file, for a browser."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"

"""Say what kind of address a campaign root or a data set has."""

from __future__ import annotations


def split_uri(uri: str) -> tuple[str, str]:
    """Return the scheme of an address, which is "file" for a plain path, and what follows it."""
    scheme, separator, rest = uri.partition("://")
    return (scheme, rest) if separator else ("file", uri)


def is_local(uri: str) -> bool:
    """Whether the address is a folder or a file of this machine and not an object store."""
    return split_uri(uri)[0] == "file"

"""The one place that knows which kinds of storage exist."""

from __future__ import annotations

from collections.abc import Callable

from components.contracts.process.errors import UsageError
from components.contracts.process.uri import split_uri
from components.contracts.storage.base import Storage
from components.contracts.storage.folder import FolderStorage


def _google_bucket(rest: str) -> Storage:
    # google-cloud-storage takes a second to import; a folder does not need it.
    from components.contracts.storage.gcs import GcsStorage

    return GcsStorage(f"gs://{rest}")


def _s3_bucket(rest: str) -> Storage:
    from components.contracts.storage.s3 import S3Storage

    return S3Storage(f"s3://{rest}")


# Scheme of the address -> what opens the rest of it.
_OPENERS: dict[str, Callable[[str], Storage]] = {
    "file": FolderStorage,
    "gs": _google_bucket,
    "s3": _s3_bucket,
}


def open_storage(uri: str) -> Storage:
    """Open the storage behind a folder path, `file:///path`, or `gs://` or `s3://` bucket/prefix.

    Raises:
        UsageError: the address has another scheme, or names no folder or bucket.
    """
    scheme, rest = split_uri(uri)
    if not rest or scheme not in _OPENERS:
        raise UsageError(
            f"Cannot open {uri!r}. Expected a folder, gs://bucket/prefix or s3://bucket/prefix."
        )
    return _OPENERS[scheme](rest)

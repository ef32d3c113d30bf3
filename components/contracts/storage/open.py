"""The one place that knows which kinds of storage there are."""

from __future__ import annotations

from components.contracts.process.errors import UsageError
from components.contracts.storage.base import Storage
from components.contracts.storage.folder import FolderStorage


def open_storage(uri: str) -> Storage:
    """The storage behind a campaign root: a folder path, `file:///path` or `gs://bucket/prefix`.

    Raises:
        UsageError: any other scheme, or no bucket.
    """
    if uri.startswith("gs://"):
        # google-cloud-storage takes a second to import; a folder does not need it.
        from components.contracts.storage.bucket import GcsStorage

        return GcsStorage(uri)
    path = uri.removeprefix("file://")
    if "://" in path or not path:
        raise UsageError(
            f"Expected a folder or gs://bucket/prefix as the campaign root, got {uri!r}."
        )
    return FolderStorage(path)

"""The services whose buckets can hold a campaign, each on a real server of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from components.contracts.storage.base import Storage
from components.contracts.storage.gcs import GcsStorage
from components.contracts.storage.open import open_storage
from components.contracts.storage.s3 import S3Storage
from tests.support import gcs_server, s3_server

BUCKETS = ("gcs", "s3")
POINTED: dict[str, Callable[[str], AbstractContextManager[None]]] = {
    "gcs": gcs_server.emulator,
    "s3": s3_server.pointed_at,
}


@dataclass(frozen=True)
class Service:
    """A running server with an empty campaign root.

    Attributes:
        kind: one of BUCKETS.
        url: the server's address.
        root: the campaign root.
    """

    kind: str
    url: str
    root: str

    def pointed_at(self, url: str) -> AbstractContextManager[None]:
        """Let the service's client use another address, such as a proxy's."""
        return POINTED[self.kind](url)


def open_with(root: str, **limits: float) -> Storage:
    """Open a campaign root; if it is in a bucket, with other limits of requests and retries."""
    if root.startswith("gs://"):
        return GcsStorage(root, **limits)
    if root.startswith("s3://"):
        return S3Storage(root, **limits)
    return open_storage(root)

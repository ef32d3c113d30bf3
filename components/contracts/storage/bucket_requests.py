"""What requests to any bucket share: their limits, and what errors mean to a user."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from components.contracts.storage.errors import StorageError


class BucketRequests(ABC):
    """What all requests to one bucket share.

    Args:
        uri: the campaign root, for messages.
        bucket: the name of the bucket.
        request_timeout_s: how long one request may stay silent.
        deadline_s: how long one operation is retried.
        first_delay_s: the first pause between tries; it doubles, with jitter, up to 10 s.
    """

    def __init__(
        self,
        uri: str,
        bucket: str,
        *,
        request_timeout_s: float = 60.0,
        deadline_s: float = 180.0,
        first_delay_s: float = 0.5,
    ) -> None:
        self._uri, self._bucket_name = uri, bucket
        self._timeout, self._deadline, self._delay = request_timeout_s, deadline_s, first_delay_s

    @abstractmethod
    def connect(self) -> None:
        """Make the client now: several threads must not make it at the same time."""

    @abstractmethod
    def explained(self, name: str, *, missing: bool = False) -> AbstractContextManager[None]:
        """Turn the library's errors into ours; with `missing`, a 404 means a missing file."""

    def _no_bucket(self, where: str) -> StorageError:
        return StorageError(
            f"There is no bucket {self._bucket_name!r} for {where}. Create it first, or "
            "correct --root."
        )

    def _denied(self, where: str, error: object, remedy: str) -> StorageError:
        return StorageError(f"Access to {where} was denied: {error}. {remedy}")

    def _out_of_reach(self, where: str, error: object) -> StorageError:
        return StorageError(
            f"Could not use {where}, with {self._deadline:g} s for retries: {error}. Check the "
            "network and the bucket, then run the same command again."
        )

"""A campaign root in a Google Cloud Storage bucket (or an emulator at STORAGE_EMULATOR_HOST)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from components.contracts.storage.base import Stamp
from components.contracts.storage.bucket import BucketStorage, Version
from components.contracts.storage.gcs_requests import GcsRequests
from components.contracts.storage.gcs_upload import upload
from components.contracts.storage.names import type_of


class GcsStorage(BucketStorage):
    """See `BucketStorage`.

    Args:
        uri: `gs://bucket` or `gs://bucket/prefix`.
        limits: of requests and retries, as `BucketRequests` takes them.
    """

    scheme = "gs"
    no_conditions = (
        "ignores if_generation_match, so it cannot keep a ledger. Use Google Cloud Storage."
    )
    requests: GcsRequests

    def __init__(self, uri: str, **limits: float) -> None:
        super().__init__(uri)
        self.requests = GcsRequests(self.uri, self.bucket, **limits)

    @property
    def _options(self) -> dict[str, Any]:
        return self.requests.options

    def _blob(self, key: str) -> Any:
        return self.requests.bucket.blob(key)

    def _get(self, key: str) -> bytes:
        content: bytes = self._blob(key).download_as_bytes(**self._options)
        return content

    def _has(self, key: str) -> bool:
        return bool(self._blob(key).exists(**self._options))

    def _entries(self, start: str) -> Iterable[tuple[str, Version, int]]:
        blobs = self.requests.bucket.list_blobs(
            prefix=start, fields="items(name,generation,size),nextPageToken", **self._options
        )
        return ((blob.name, blob.generation, blob.size) for blob in blobs)

    def _put(self, key: str, data: bytes, *, new: bool = False) -> None:
        options = {"if_generation_match": 0, **self._options} if new else self._options
        self._blob(key).upload_from_string(data, content_type=type_of(key), **options)

    def _state(self, key: str) -> Stamp:
        blob = self._blob(key)
        blob.reload(**self._options)
        return Stamp(blob.size, blob.time_created, True, (blob.generation,))

    def _remove(self, key: str, version: Version | None = None) -> None:
        self._blob(key).delete(if_generation_match=version, **self._options)

    def _rename(self, key: str, to: str, version: Version) -> None:
        source, target = self._blob(key), self._blob(to)
        token, begun = None, False
        while token or not begun:  # the service copies a large file in several answers
            token, *_ = target.rewrite(
                source, token=token, if_source_generation_match=version, **self._options
            )
            begun = True
        source.delete(if_generation_match=version, **self._options)

    def _upload(self, local: Path, key: str) -> None:
        upload(self._blob(key), local, content_type=type_of(key), **self._options)

    def _download(self, key: str, file: BinaryIO) -> None:
        self._blob(key).download_to_file(file, **self._options)

"""A campaign root in a bucket of Amazon S3, or of another service with conditional writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from components.contracts.process.errors import UsageError
from components.contracts.storage.base import Stamp
from components.contracts.storage.bucket import BucketStorage, Version
from components.contracts.storage.names import type_of
from components.contracts.storage.s3_requests import S3Requests

# A retry repeats a piece and not the file.
CHUNK_BYTES = 8 << 20
PIECES = 4  # at the same time
UPLOADS = 4  # how often a file is sent whose upload is lost


class S3Storage(BucketStorage):
    """See `BucketStorage`.

    The service must accept If-None-Match with PutObject. Deleting and moving compare the version
    first: in the milliseconds between, S3 offers no protection that every service has.

    Args:
        uri: `s3://bucket` or `s3://bucket/prefix`.
        limits: of requests and retries, as `BucketRequests` takes them.

    Raises:
        UsageError: as `BucketStorage`, or no bucket can have this name.
    """

    scheme = "s3"
    no_conditions = (
        "ignores If-None-Match, so it cannot keep a ledger. Use a service that has conditional "
        "writes, or another version of this one."
    )
    requests: S3Requests

    def __init__(self, uri: str, **limits: float) -> None:
        super().__init__(uri)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]+", self.bucket):
            raise UsageError(f"Cannot open {uri!r}: {self.bucket!r} cannot be a bucket's name.")
        self.requests = S3Requests(self.uri, self.bucket, **limits)

    @property
    def _store(self) -> Any:
        return self.requests.store

    def _get(self, key: str) -> bytes:
        return self.requests.retried(lambda: bytes(self._store.get(key).bytes()))

    def _has(self, key: str) -> bool:
        try:
            self._store.head(key)
        except FileNotFoundError:
            return False
        return True

    def _entries(self, start: str) -> Iterable[tuple[str, Version, int]]:
        entries = [entry for page in self._store.list(start) for entry in page]
        # obstore drops a slash at the end: `folder/`, a console's placeholder, becomes `folder`.
        empty = {entry["path"] for entry in entries if not entry["size"]}
        folders = {start.rstrip("/")}
        for entry in entries:
            folders.update(str(parent) for parent in PurePosixPath(entry["path"]).parents)
        doubtful = sorted(empty - folders)
        there = dict(zip(doubtful, self._in_threads(self._has, doubtful), strict=True))
        for entry in entries:
            if there.get(entry["path"], entry["path"] not in empty):
                yield entry["path"], _version(entry), entry["size"]

    def _put(self, key: str, data: bytes, *, new: bool = False) -> None:
        attributes = {"Content-Type": type_of(key)}
        mode = "create" if new else "overwrite"
        self.requests.retried(
            lambda: self._store.put(
                key, data, attributes=attributes, mode=mode, use_multipart=False
            )
        )

    def _state(self, key: str) -> Stamp:
        entry = self._store.head(key)
        return Stamp(entry["size"], entry["last_modified"], True, (_version(entry),))

    def _remove(self, key: str, version: Version | None = None) -> None:
        self._check(key, version)
        self.requests.retried(lambda: self._store.delete(key))

    def _rename(self, key: str, to: str, version: Version) -> None:
        self._check(key, version)
        self.requests.retried(lambda: self._store.copy(key, to))
        self._remove(key, version)

    def _check(self, key: str, version: Version | None) -> None:
        if version is not None and _version(self._store.head(key)) != version:
            raise FileExistsError(key)

    def _upload(self, local: Path, key: str) -> None:
        with open(local, "rb") as file:
            for left in reversed(range(UPLOADS)):
                try:
                    self.requests.retried(partial(self._send, file, key))
                    return
                except FileNotFoundError as error:
                    # The answer to the last request of an upload was lost, and the next one found
                    # the upload closed.
                    if "NoSuchUpload" not in str(error) or left == 0:
                        raise

    def _send(self, file: BinaryIO, key: str) -> None:
        file.seek(0)
        self._store.put(
            key,
            file,
            attributes={"Content-Type": type_of(key)},
            chunk_size=CHUNK_BYTES,
            max_concurrency=PIECES,
        )

    def _download(self, key: str, file: BinaryIO) -> None:
        def fetch() -> None:
            file.seek(0)
            file.truncate()
            for chunk in self._store.get(key).stream(min_chunk_size=1 << 20):
                file.write(chunk)

        self.requests.retried(fetch)


def _version(entry: Any) -> str:
    return f"{entry['e_tag']} {entry['last_modified'].isoformat()}"

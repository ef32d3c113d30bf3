"""A campaign root in a Google Cloud Storage bucket (or an emulator at STORAGE_EMULATOR_HOST)."""

from __future__ import annotations

import mimetypes
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from components.contracts.process.errors import UsageError
from components.contracts.process.files import replace
from components.contracts.storage.base import Contents, Names, Stamp, Storage, observed
from components.contracts.storage.bucket_requests import BucketRequests
from components.contracts.storage.bucket_upload import upload
from components.contracts.storage.cache import Listing, refresh
from components.contracts.storage.errors import StorageError, explained
from components.contracts.storage.names import PRIVATE, check_name, check_prefix

THREADS = 8

T = TypeVar("T")
Results: TypeAlias = list[T]  # inside the class `list` is the method


class GcsStorage(Storage):
    """See `Storage`. Busy answers, timeouts and lost connections are retried until a deadline.

    Args:
        uri: `gs://bucket` or `gs://bucket/prefix`.
        limits: of requests and retries, as `BucketRequests` takes them.

    Raises:
        UsageError: the address names no bucket, or its prefix is not a relative path.
    """

    def __init__(self, uri: str, **limits: float) -> None:
        bucket, _, prefix = uri.removeprefix("gs://").partition("/")
        prefix = prefix.strip("/")
        if not bucket:
            raise UsageError(f"{uri!r} names no bucket. Expected gs://bucket/prefix.")
        try:
            self._prefix = f"{check_name(prefix)}/" if prefix else ""
        except StorageError as error:
            raise UsageError(f"Cannot open {uri!r}: {error}") from error
        self.uri = f"gs://{bucket}/{prefix}".rstrip("/")
        self._requests = BucketRequests(self.uri, bucket, **limits)
        self._explained = self._requests.explained

    @property
    def _options(self) -> dict[str, Any]:
        return self._requests.options

    def _blob(self, name: str) -> Any:
        return self._requests.bucket.blob(self._prefix + check_name(name))

    def check_usable(self) -> None:
        name = f"{PRIVATE}/probe-{uuid.uuid4().hex}"
        blob = self._requests.bucket.blob(self._prefix + name)
        options = {"if_generation_match": 0, **self._options}
        # Even the first may come back as existing: our own write, its answer lost.
        with suppress(FileExistsError), self._explained(name):
            blob.upload_from_string(b"probe", **options)
        try:
            with self._explained(name):
                blob.upload_from_string(b"again", **options)
        except FileExistsError:
            return
        finally:
            with suppress(FileNotFoundError), self._explained(name, missing=True):
                blob.delete(**self._options)
        raise StorageError(
            f"{self.uri} ignores if_generation_match, so it cannot keep a ledger. Use Google "
            "Cloud Storage."
        )

    def read(self, name: str) -> bytes:
        blob = self._blob(name)
        with self._explained(name, missing=True):
            content: bytes = blob.download_as_bytes(**self._options)
        return content

    def read_many(self, names: Iterable[str]) -> Contents:
        return self._in_threads(self.read, names)

    def exists(self, name: str) -> bool:
        blob = self._blob(name)
        with self._explained(name):
            return bool(blob.exists(**self._options))

    def list(self, prefix: str = "") -> Names:
        return sorted(self._listing(prefix))

    def _listing(self, prefix: str) -> Listing:
        prefix = check_prefix(prefix)
        start = self._prefix + (f"{prefix}/" if prefix else "")
        with self._explained(prefix):
            blobs = self._requests.bucket.list_blobs(
                prefix=start, fields="items(name,generation,size),nextPageToken", **self._options
            )
            listing = {b.name.removeprefix(self._prefix): (b.generation, b.size) for b in blobs}
        # A name that ends in "/" is a console's placeholder for an empty folder.
        return {
            name: state
            for name, state in listing.items()
            if not name.endswith("/") and not name.startswith(f"{PRIVATE}/")
        }

    def create(self, name: str, data: bytes) -> None:
        blob = self._blob(name)
        with observed("create", name), self._explained(name):
            blob.upload_from_string(
                data, content_type=_type_of(name), if_generation_match=0, **self._options
            )

    def write(self, name: str, data: bytes) -> None:
        blob = self._blob(name)
        with observed("write", name), self._explained(name):
            blob.upload_from_string(data, content_type=_type_of(name), **self._options)

    def stamp(self, name: str) -> Stamp:
        blob = self._blob(name)
        with self._explained(name, missing=True):
            blob.reload(**self._options)
        return Stamp(blob.size, blob.time_created, True, (blob.generation,))

    def delete(self, name: str, only: Stamp | None = None) -> None:
        blob = self._blob(name)
        with (
            observed("delete", name),
            suppress(FileNotFoundError, FileExistsError),  # the latter: it is another one by now
            self._explained(name, missing=True),
        ):
            blob.delete(if_generation_match=only and only.version[0], **self._options)

    def move(self, name: str, to: str, only: Stamp) -> None:
        source, target = self._blob(name), self._blob(to)
        (generation,) = only.version
        with (
            observed("move", name),
            suppress(FileNotFoundError, FileExistsError),
            self._explained(name, missing=True),
        ):
            token, begun = None, False
            while token or not begun:  # the service copies a large file in several answers
                token, *_ = target.rewrite(
                    source, token=token, if_source_generation_match=generation, **self._options
                )
                begun = True
            source.delete(if_generation_match=generation, **self._options)

    def delete_prefix(self, prefix: str) -> None:
        prefix = check_prefix(prefix, allow_root=False)
        names = self.list(prefix)
        if names:
            with observed("delete_prefix", prefix):
                self._in_threads(self._delete_unobserved, names)

    def _delete_unobserved(self, name: str) -> None:
        with suppress(FileNotFoundError), self._explained(name, missing=True):
            self._blob(name).delete(**self._options)

    def put_file(self, local: Path, name: str) -> None:
        blob = self._blob(name)
        with observed("put_file", name), self._explained(name):
            upload(blob, local, content_type=_type_of(name), **self._options)

    def get_file(self, name: str, local: Path) -> None:
        blob = self._blob(name)
        with self._explained(name, missing=True), explained(local):
            replace(local, partial(blob.download_to_file, **self._options))

    def local_dir(self, prefix: str) -> Path:
        prefix = check_prefix(prefix)
        listing = self._listing(prefix)
        if not listing:
            raise FileNotFoundError(f"{self.uri}/{prefix}")
        fetch = partial(self._in_threads, lambda pair: self.get_file(*pair))
        return refresh(self.uri, prefix, listing, fetch)

    def _in_threads(self, work: Callable[[Any], T], items: Iterable[Any]) -> Results[T]:
        self._requests.bucket, self._options  # noqa: B018 - made once, before the threads need them
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(work, items))


def _type_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"

"""A campaign root in a bucket: what is the same for every service, above its client library."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, TypeAlias, TypeVar

from components.contracts.process.files import replace
from components.contracts.storage.base import Contents, Names, Stamp, Storage, observed
from components.contracts.storage.bucket_requests import BucketRequests
from components.contracts.storage.cache import Listing, refresh
from components.contracts.storage.errors import StorageError, explained
from components.contracts.storage.names import PRIVATE, bucket_and_prefix, check_name, check_prefix

THREADS = 8

T = TypeVar("T")
Results: TypeAlias = list[T]  # inside the class `list` is the method
Version: TypeAlias = int | str


class BucketStorage(Storage):
    """See `Storage`. Busy answers, timeouts and lost connections are retried until a deadline.

    A service implements the methods on keys: a key is the name of an object in the bucket. They
    raise the errors of their client library, which `requests.explained` turns into ours, or
    FileNotFoundError and FileExistsError.

    Args:
        uri: `scheme://bucket` or `scheme://bucket/prefix`.

    Raises:
        UsageError: the address names no bucket, or its prefix is not a relative path.
    """

    scheme: ClassVar[str]
    no_conditions: ClassVar[str]  # what a service that replaces in spite of `new` does wrong
    requests: BucketRequests

    def __init__(self, uri: str) -> None:
        self.bucket, prefix = bucket_and_prefix(uri, self.scheme)
        self._prefix = f"{prefix}/" if prefix else ""
        self.uri = f"{self.scheme}://{self.bucket}/{prefix}".rstrip("/")

    @abstractmethod
    def _get(self, key: str) -> bytes: ...

    @abstractmethod
    def _has(self, key: str) -> bool: ...

    @abstractmethod
    def _entries(self, start: str) -> Iterable[tuple[str, Version, int]]:
        """Yield key, version and size of all objects whose keys begin with `start`, which may be ""."""

    @abstractmethod
    def _put(self, key: str, data: bytes, *, new: bool = False) -> None:
        """Write an object; with `new`, raise instead if there is one, in a single operation."""

    @abstractmethod
    def _state(self, key: str) -> Stamp: ...

    @abstractmethod
    def _remove(self, key: str, version: Version | None = None) -> None:
        """Delete an object; if it is missing or of another version, leave it, and raise or return."""

    @abstractmethod
    def _rename(self, key: str, to: str, version: Version) -> None:
        """Copy an object inside the bucket and delete it, under the same conditions as `_remove`."""

    @abstractmethod
    def _upload(self, local: Path, key: str) -> None: ...

    @abstractmethod
    def _download(self, key: str, file: BinaryIO) -> None: ...

    def _key(self, name: str) -> str:
        return self._prefix + check_name(name)

    def check_usable(self) -> None:
        name = f"{PRIVATE}/probe-{uuid.uuid4().hex}"
        key = self._prefix + name
        # Even the first may come back as existing: our own write, its answer lost.
        with suppress(FileExistsError), self.requests.explained(name):
            self._put(key, b"probe", new=True)
        try:
            with self.requests.explained(name):
                self._put(key, b"again", new=True)
        except FileExistsError:
            return
        finally:
            with suppress(FileNotFoundError), self.requests.explained(name, missing=True):
                self._remove(key)
        raise StorageError(f"{self.uri} {self.no_conditions}")

    def read(self, name: str) -> bytes:
        key = self._key(name)
        with self.requests.explained(name, missing=True):
            return self._get(key)

    def read_many(self, names: Iterable[str]) -> Contents:
        return self._in_threads(self.read, names)

    def exists(self, name: str) -> bool:
        key = self._key(name)
        with self.requests.explained(name):
            return self._has(key)

    def list(self, prefix: str = "") -> Names:
        return sorted(self._listing(prefix))

    def _listing(self, prefix: str) -> Listing:
        prefix = check_prefix(prefix)
        start = self._prefix + (f"{prefix}/" if prefix else "")
        with self.requests.explained(prefix):
            listing = {
                key.removeprefix(self._prefix): (version, size)
                for key, version, size in self._entries(start)
            }
        # A name that ends in "/" is a console's placeholder for an empty folder.
        return {
            name: state
            for name, state in listing.items()
            if not name.endswith("/") and not name.startswith(f"{PRIVATE}/")
        }

    def create(self, name: str, data: bytes) -> None:
        key = self._key(name)
        with observed("create", name), self.requests.explained(name):
            self._put(key, data, new=True)

    def write(self, name: str, data: bytes) -> None:
        key = self._key(name)
        with observed("write", name), self.requests.explained(name):
            self._put(key, data)

    def stamp(self, name: str) -> Stamp:
        key = self._key(name)
        with self.requests.explained(name, missing=True):
            return self._state(key)

    def delete(self, name: str, only: Stamp | None = None) -> None:
        key = self._key(name)
        with (
            observed("delete", name),
            suppress(FileNotFoundError, FileExistsError),  # the latter: it is another one by now
            self.requests.explained(name, missing=True),
        ):
            self._remove(key, only and only.version[0])

    def move(self, name: str, to: str, only: Stamp) -> None:
        key, target = self._key(name), self._key(to)
        with (
            observed("move", name),
            suppress(FileNotFoundError, FileExistsError),
            self.requests.explained(name, missing=True),
        ):
            self._rename(key, target, only.version[0])

    def delete_prefix(self, prefix: str) -> None:
        prefix = check_prefix(prefix, allow_root=False)
        names = self.list(prefix)
        if names:
            with observed("delete_prefix", prefix):
                self._in_threads(self._delete_unobserved, names)

    def _delete_unobserved(self, name: str) -> None:
        with suppress(FileNotFoundError), self.requests.explained(name, missing=True):
            self._remove(self._key(name))

    def put_file(self, local: Path, name: str) -> None:
        key = self._key(name)
        with observed("put_file", name), self.requests.explained(name):
            self._upload(local, key)

    def get_file(self, name: str, local: Path) -> None:
        key = self._key(name)
        with self.requests.explained(name, missing=True), explained(local):
            replace(local, partial(self._download, key))

    def local_dir(self, prefix: str) -> Path:
        prefix = check_prefix(prefix)
        listing = self._listing(prefix)
        if not listing:
            raise FileNotFoundError(f"{self.uri}/{prefix}")
        fetch = partial(self._in_threads, lambda pair: self.get_file(*pair))
        return refresh(self.uri, prefix, listing, fetch)

    def _in_threads(self, work: Callable[[Any], T], items: Iterable[Any]) -> Results[T]:
        self.requests.connect()
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(work, items))

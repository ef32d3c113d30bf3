"""A campaign root in a Google Cloud Storage bucket (or an emulator at STORAGE_EMULATOR_HOST)."""

from __future__ import annotations

import mimetypes
import os
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from components.contracts.process.errors import UsageError
from components.contracts.process.files import replace
from components.contracts.storage.base import (
    PRIVATE,
    Contents,
    Names,
    Stamp,
    Storage,
    StorageError,
    check_name,
    check_prefix,
    observed,
)
from components.contracts.storage.cache import refresh
from components.contracts.storage.files import explained

THREADS = 8
# Resumable uploads go in pieces, so that a retry repeats a piece and not the file.
CHUNK_BYTES = 16 << 20
# How often a file is sent whose checksum differs on arrival, or whose session is lost.
UPLOADS = 4
SESSION_OVER = {404, 410}

T = TypeVar("T")
Results: TypeAlias = list[T]  # inside the class `list` is the method


class GcsStorage(Storage):
    """See `Storage`. Busy answers, timeouts and lost connections are retried until a deadline.

    Args:
        uri: `gs://bucket` or `gs://bucket/prefix`.
        request_timeout_s: how long one request may stay silent.
        deadline_s: how long one operation is retried.
        first_delay_s: the first pause between tries; it doubles, with jitter, up to 10 s.

    Raises:
        UsageError: the address names no bucket, or a prefix that is no relative path.
    """

    def __init__(
        self,
        uri: str,
        *,
        request_timeout_s: float = 60.0,
        deadline_s: float = 180.0,
        first_delay_s: float = 0.5,
    ) -> None:
        bucket, _, prefix = uri.removeprefix("gs://").partition("/")
        prefix = prefix.strip("/")
        if not bucket:
            raise UsageError(f"Expected gs://bucket/prefix, got {uri!r}.")
        try:
            self._prefix = f"{check_name(prefix)}/" if prefix else ""
        except StorageError as error:
            raise UsageError(f"Expected gs://bucket/prefix, got {uri!r}: {error}") from error
        self._bucket_name = bucket
        self.uri = f"gs://{bucket}/{prefix}".rstrip("/")
        self._timeout, self._deadline, self._delay = request_timeout_s, deadline_s, first_delay_s

    @cached_property
    def _bucket(self) -> Any:
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import storage

        if os.environ.get("STORAGE_EMULATOR_HOST"):
            client = storage.Client(project="emulator", credentials=AnonymousCredentials())
        else:
            try:
                client = storage.Client()
            except (DefaultCredentialsError, OSError) as error:
                raise StorageError(
                    f"No Google Cloud credentials for {self.uri}: {error}. Run `gcloud auth "
                    "application-default login`, or give the pod a service account."
                ) from error
        # The client never closes its connections by itself.
        weakref.finalize(self, client.close)
        return client.bucket(self._bucket_name)

    @cached_property
    def _retried(self) -> dict[str, Any]:
        """What every request is given: its own time limit, and the retries with their deadline."""
        from google.cloud.storage.retry import DEFAULT_RETRY

        retry = DEFAULT_RETRY.with_delay(initial=self._delay, maximum=10.0, multiplier=2.0)
        return {"timeout": self._timeout, "retry": retry.with_timeout(self._deadline)}

    def _blob(self, name: str) -> Any:
        return self._bucket.blob(self._prefix + check_name(name))

    @contextmanager
    def _explained(self, name: str, *, missing: bool = False) -> Iterator[None]:
        """Turn the library's errors into ours; `missing`: a 404 means a missing file."""
        from google.api_core import exceptions as api
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.cloud.storage.exceptions import DataCorruption
        from requests.exceptions import RequestException

        where = f"{self.uri}/{name}"
        try:
            yield
        except api.NotFound as error:
            if missing:
                raise FileNotFoundError(where) from error
            raise StorageError(
                f"There is no bucket {self._bucket_name!r} for {where}. Create it first, or "
                "correct --root."
            ) from error
        except api.PreconditionFailed as error:
            raise FileExistsError(where) from error
        except TransportError as error:
            # A GoogleAuthError too, but no token could be fetched: nobody has refused anything.
            raise self._out_of_reach(where, error) from error
        except (api.Forbidden, api.Unauthorized, GoogleAuthError) as error:
            raise StorageError(
                f"Not allowed to use {where}: {error}. It needs the role Storage Object User on "
                "the bucket."
            ) from error
        except (api.GoogleAPIError, RequestException, ConnectionError, DataCorruption) as error:
            raise self._out_of_reach(where, error) from error

    def _out_of_reach(self, where: str, error: Exception) -> StorageError:
        return StorageError(
            f"Could not use {where}, with {self._deadline:g} s for retries: {error}. Check the "
            "network and the bucket, then run the same command again."
        )

    def check_usable(self) -> None:
        name = f"{PRIVATE}/probe-{uuid.uuid4().hex}"
        blob = self._bucket.blob(self._prefix + name)
        options = {"if_generation_match": 0, **self._retried}
        # The first may be refused already: our own write, its answer lost.
        with suppress(FileExistsError), self._explained(name):
            blob.upload_from_string(b"probe", **options)
        try:
            with self._explained(name):
                blob.upload_from_string(b"again", **options)
        except FileExistsError:
            return
        finally:
            with suppress(FileNotFoundError), self._explained(name, missing=True):
                blob.delete(**self._retried)
        raise StorageError(
            f"{self.uri} ignores if_generation_match, so it cannot keep a ledger. Use Google "
            "Cloud Storage."
        )

    def read(self, name: str) -> bytes:
        blob = self._blob(name)
        with self._explained(name, missing=True):
            return blob.download_as_bytes(**self._retried)

    def read_many(self, names: Iterable[str]) -> Contents:
        return self._in_threads(self.read, names)

    def exists(self, name: str) -> bool:
        blob = self._blob(name)
        with self._explained(name):
            return blob.exists(**self._retried)

    def list(self, prefix: str = "") -> Names:
        return sorted(self.listed(prefix))

    def listed(self, prefix: str = "") -> dict[str, tuple[int, int]]:
        """Name -> (generation, size in bytes) of everything below `prefix`."""
        prefix = check_prefix(prefix)
        start = self._prefix + (f"{prefix}/" if prefix else "")
        with self._explained(prefix):
            blobs = self._bucket.list_blobs(
                prefix=start, fields="items(name,generation,size),nextPageToken", **self._retried
            )
            found = {blob.name[len(self._prefix) :]: (blob.generation, blob.size) for blob in blobs}
        # A name that ends in "/" is a console's placeholder for an empty folder.
        return {
            name: known
            for name, known in found.items()
            if not name.endswith("/") and not name.startswith(f"{PRIVATE}/")
        }

    def create(self, name: str, data: bytes) -> None:
        blob = self._blob(name)
        with observed("create", name), self._explained(name):
            blob.upload_from_string(
                data, content_type=_type_of(name), if_generation_match=0, **self._retried
            )

    def write(self, name: str, data: bytes) -> None:
        blob = self._blob(name)
        with observed("write", name), self._explained(name):
            blob.upload_from_string(data, content_type=_type_of(name), **self._retried)

    def stamp(self, name: str) -> Stamp:
        blob = self._blob(name)
        with self._explained(name, missing=True):
            blob.reload(**self._retried)
        return Stamp(blob.size, blob.time_created, True, (blob.generation,))

    def delete(self, name: str, only: Stamp | None = None) -> None:
        blob = self._blob(name)
        with (
            observed("delete", name),
            suppress(FileNotFoundError, FileExistsError),  # the latter: it is another one by now
            self._explained(name, missing=True),
        ):
            blob.delete(if_generation_match=only and only.version[0], **self._retried)

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
                    source, token=token, if_source_generation_match=generation, **self._retried
                )
                begun = True
            source.delete(if_generation_match=generation, **self._retried)

    def delete_prefix(self, prefix: str) -> None:
        prefix = check_prefix(prefix, allow_root=False)
        names = self.list(prefix)
        if names:
            with observed("delete_prefix", prefix):
                self._in_threads(self._delete_quietly, names)

    def _delete_quietly(self, name: str) -> None:
        with suppress(FileNotFoundError), self._explained(name, missing=True):
            self._blob(name).delete(**self._retried)

    def put_file(self, local: Path, name: str) -> None:
        blob = self._blob(name)
        # For uploads only: a download in pieces fails on an empty file.
        blob.chunk_size = CHUNK_BYTES
        with observed("put_file", name), self._explained(name):
            from google.api_core.exceptions import ClientError
            from google.cloud.storage.exceptions import DataCorruption

            for left in reversed(range(UPLOADS)):
                try:
                    return self._upload(blob, local, name)
                except (ClientError, DataCorruption) as error:
                    # A piece sent again after a lost answer may have been stored twice, or the
                    # session that it belongs to be over: start over.
                    lost = isinstance(error, DataCorruption) or error.code in SESSION_OVER
                    if not lost or left == 0:
                        raise

    def _upload(self, blob: Any, local: Path, name: str) -> None:
        blob.upload_from_filename(str(local), content_type=_type_of(name), **self._retried)

    def get_file(self, name: str, local: Path) -> None:
        blob = self._blob(name)
        with self._explained(name, missing=True), explained(local):
            replace(local, partial(blob.download_to_file, **self._retried))

    def local_dir(self, prefix: str) -> Path:
        prefix = check_prefix(prefix)
        listed = self.listed(prefix)
        if not listed:
            raise FileNotFoundError(f"{self.uri}/{prefix}")
        fetch = partial(self._in_threads, lambda pair: self.get_file(*pair))
        return refresh(self.uri, prefix, listed, fetch)

    def _in_threads(self, work: Callable[[Any], T], items: Iterable[Any]) -> Results[T]:
        self._bucket, self._retried  # noqa: B018 - made once, before the threads need them
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(work, items))


def _type_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"

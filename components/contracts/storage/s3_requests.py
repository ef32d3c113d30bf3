"""Requests to a bucket of an S3 service: the client, its retries, and what errors mean."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

from components.contracts.storage.bucket_requests import BucketRequests
from components.contracts.storage.errors import StorageError

T = TypeVar("T")

MAX_RETRIES = 1000  # the deadline comes first
NO_LIMIT = timedelta(days=1)  # a large file takes as long as something moves
PERMISSIONS = (
    "The account needs s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject "
    "and s3:AbortMultipartUpload on its objects."
)
CREDENTIALS = (
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (for a profile: `eval "$(aws configure '
    'export-credentials --format env)"`), or give the machine or the pod a role.'
)
# What obstore reads credentials from. Without any of these it asks the machine, at METADATA.
SOURCES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
)
METADATA = "http://169.254.169.254"
# In errors about the credentials, and in no others.
ABOUT_CREDENTIALS = re.compile(
    r"169\.254\.\d+\.\d+|token file|AssumeRole|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken"
)
# Of a connection that broke; a request that could not be sent at all has a "builder error".
UNANSWERED = re.compile("HTTP error: (?!builder)")


class S3Requests(BucketRequests):
    """See `BucketRequests`.

    obstore itself repeats what was answered with "busy", and reading. `retried` repeats the rest.
    """

    def connect(self) -> None:
        self.store  # noqa: B018 - made on first use

    @cached_property
    def store(self) -> Any:
        """The client; it reads the AWS_... variables for everything that is not given here."""
        from obstore.exceptions import BaseError
        from obstore.store import S3Store

        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint and not re.match(r"https?://[^/\s]+", endpoint):
            raise StorageError(
                f"AWS_ENDPOINT_URL is not an address: {endpoint!r}. Expected https://host:port."
            )
        self._check_credentials()
        silence = timedelta(seconds=self._timeout)
        first, longest = timedelta(seconds=self._delay), timedelta(seconds=max(10, self._delay))
        try:
            return S3Store(
                self._bucket_name,
                client_options={
                    "allow_http": (endpoint or "").startswith("http://"),
                    "connect_timeout": silence,
                    "read_timeout": silence,
                    "timeout": NO_LIMIT,
                },
                retry_config={
                    "max_retries": MAX_RETRIES,
                    "retry_timeout": timedelta(seconds=self._deadline),
                    "backoff": {"init_backoff": first, "max_backoff": longest, "base": 2},
                },
            )
        except (BaseError, ValueError) as error:
            raise StorageError(
                f"Cannot connect to {self._uri}: {_text(error)}. Check the AWS_... variables."
            ) from error

    def _check_credentials(self) -> None:
        """Raise StorageError immediately where obstore would ask in vain until the deadline."""
        if any(os.environ.get(name) for name in SOURCES):
            return
        place = urlsplit(os.environ.get("AWS_METADATA_ENDPOINT") or METADATA)
        try:
            socket.create_connection((place.hostname or "", place.port or 80), timeout=2).close()
        except OSError as error:
            raise StorageError(
                f"No AWS credentials for {self._uri}: no AWS_... variable names any, and this machine "
                f"has no role ({error}). {CREDENTIALS}"
            ) from error

    def retried(self, work: Callable[[], T]) -> T:
        """Do something again until the deadline when its connection was lost or silent."""
        from google.api_core.exceptions import RetryError
        from google.api_core.retry import Retry

        retry = Retry(
            predicate=_lost,
            initial=self._delay,
            maximum=10.0,
            multiplier=2.0,
            timeout=self._deadline,
        )
        try:
            result: T = retry(work)()
        except RetryError as error:
            raise error.cause from None
        return result

    @contextmanager
    def explained(self, name: str, *, missing: bool = False) -> Iterator[None]:
        from obstore.exceptions import (
            AlreadyExistsError,
            BaseError,
            InvalidPathError,
            PreconditionError,
        )

        where = f"{self._uri}/{name}".rstrip("/")
        try:
            yield
        except (AlreadyExistsError, PreconditionError):
            raise FileExistsError(where) from None
        except FileNotFoundError as error:
            if error.errno is not None:
                raise  # about a local file
            if missing and "NoSuchBucket" not in str(error):
                raise FileNotFoundError(where) from None
            raise self._no_bucket(where) from None
        # The cause is left out: it holds the whole request.
        except InvalidPathError as error:
            raise StorageError(
                f"There is an object in {where} that is no file: {_text(error)}. Delete it."
            ) from None
        except BaseError as error:
            raise self._explanation(where, str(error), _text(error)) from None

    def _explanation(self, where: str, whole: str, text: str) -> StorageError:
        if "NoSuchBucket" in whole:
            return self._no_bucket(where)
        if ABOUT_CREDENTIALS.search(whole):
            return self._denied(where, text, CREDENTIALS)
        if re.match("40[13]", text):
            return self._denied(where, text, PERMISSIONS)
        return self._out_of_reach(where, text)


def _lost(error: Exception) -> bool:
    """Whether a request deserves another try, which obstore leaves to us.

    The connection broke before there was an answer, or in the middle of it; or somebody deleted the
    name during a conditional write, which S3 answers with 409 and obstore takes for "exists".
    """
    from obstore.exceptions import AlreadyExistsError, GenericError

    text = str(error)
    if isinstance(error, AlreadyExistsError):
        return "status code: 409" in text
    return isinstance(error, GenericError) and UNANSWERED.search(text) is not None


def _text(error: Exception) -> str:
    """Return what happened in one line, without the request: it may name the account's key."""
    text, _, details = str(error).partition("\n\nDebug source:")
    status = re.search(r"status code: (\d{3}[^:<]*)", text)
    if status is None:
        line = text.partition("\n")[0].removeprefix("Generic S3 error: ").rstrip(". ")
        system = re.search(r'message: "([^"]*)"', details)
        return f"{line} ({system[1]})" if system else line
    code, message = (re.search(f"<{tag}>(.*?)</{tag}>", text) for tag in ("Code", "Message"))
    return ": ".join(match[1].strip().rstrip(".") for match in (status, code, message) if match)

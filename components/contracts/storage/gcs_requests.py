"""Requests to a Google Cloud Storage bucket: the client, its retries, and what errors mean."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from components.contracts.storage.bucket_requests import BucketRequests
from components.contracts.storage.errors import StorageError


class GcsRequests(BucketRequests):
    """See `BucketRequests`; the client library retries."""

    def connect(self) -> None:
        self.bucket, self.options  # noqa: B018 - both are made on first use

    @cached_property
    def bucket(self) -> Any:
        """The client library's bucket."""
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
                    f"No Google Cloud credentials for {self._uri}: {error}. Run `gcloud auth "
                    "application-default login`, or give the pod a service account."
                ) from error
        # The client never closes its connections by itself.
        weakref.finalize(self, client.close)
        return client.bucket(self._bucket_name)

    @cached_property
    def options(self) -> dict[str, Any]:
        """The arguments that every request takes: its time limit, and the retries."""
        from google.cloud.storage.retry import DEFAULT_RETRY

        retry = DEFAULT_RETRY.with_delay(initial=self._delay, maximum=10.0, multiplier=2.0)
        return {"timeout": self._timeout, "retry": retry.with_timeout(self._deadline)}

    @contextmanager
    def explained(self, name: str, *, missing: bool = False) -> Iterator[None]:
        from google.api_core import exceptions as api
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.cloud.storage.exceptions import DataCorruption
        from requests.exceptions import RequestException

        where = f"{self._uri}/{name}"
        try:
            yield
        except api.NotFound as error:
            if missing:
                raise FileNotFoundError(where) from error
            raise self._no_bucket(where) from error
        except api.PreconditionFailed as error:
            raise FileExistsError(where) from error
        except TransportError as error:
            # A GoogleAuthError too, but no token could be fetched: access was not denied.
            raise self._out_of_reach(where, error) from error
        except (api.Forbidden, api.Unauthorized, GoogleAuthError) as error:
            role = "The account needs the role Storage Object User on the bucket."
            raise self._denied(where, error, role) from error
        except (api.GoogleAPIError, RequestException, ConnectionError, DataCorruption) as error:
            raise self._out_of_reach(where, error) from error

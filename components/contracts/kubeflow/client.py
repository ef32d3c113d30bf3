"""Connect to Kubeflow Pipelines, with errors that say what to do."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from components.contracts.kubeflow.credentials import Credentials, find_credentials
from components.contracts.kubeflow.refusals import describe_error, describe_login
from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.cluster import ClusterSettings

_ENDPOINT = "KF_PIPELINES_ENDPOINT"  # what kfp reads when it is given no host
_SECONDS = 10.0


class OutOfReachError(StreetloopError):
    """The endpoint does not answer at the moment; what runs on the cluster continues."""


class LoginError(StreetloopError):
    """The endpoint wants another login, or other rights; what runs on the cluster continues."""


_UNNAMED = "the cluster's address"  # for messages, if kfp found it
# By the status of an answer.
_KINDS: dict[int, type[StreetloopError]] = {
    **dict.fromkeys((0, 502, 503, 504), OutOfReachError),
    **dict.fromkeys((401, 403), LoginError),
}


@dataclass(frozen=True)
class Started:
    """A run or a schedule, and the address of its page."""

    id: str
    url: str


@dataclass(frozen=True)
class Endpoint:
    """A connection that may be used for many questions.

    Attributes:
      client: a kfp.Client.
      url: the endpoint's address, for links; "" if kfp found it.
      namespace: the recipe's.
      used: the credentials that are sent.
    """

    client: Any
    url: str
    namespace: str
    used: Credentials

    @contextlib.contextmanager
    def asked(self) -> Iterator[Any]:
        """Yield the client; what the block raises because of the endpoint becomes a StreetloopError."""
        with _explained(self.url or None, self.namespace, self.used):
            yield self.client

    def wants_login(self) -> LoginError:
        """Return the error on an answer that is a web page."""
        return LoginError(describe_login(self.url or _UNNAMED, self.used))


def connect(cluster: ClusterSettings, host: str | None = None) -> Endpoint:
    """Connect to the endpoint, with the credentials of `find_credentials`.

    Args:
      cluster: the recipe's.
      host: the endpoint, in place of `cluster.host`.

    Raises:
      UsageError: `cluster.host` is not an address, or a file of credentials is unusable.
      StreetloopError: the endpoint cannot be reached (OutOfReachError), rejects us (LoginError), or is
        something else.
    """
    used = find_credentials()
    host = host or cluster.host or os.environ.get(_ENDPOINT)
    if host is not None:
        host = _address(host)
        # kfp itself waits half a minute for a silent endpoint.
        _reach(host)
    with _explained(host, cluster.namespace, used), warnings.catch_warnings():
        # kfp warns that it needs version 2 of the server.
        warnings.simplefilter("ignore", FutureWarning)
        from kfp import Client

        client = Client(host=host, namespace=cluster.namespace, **used.arguments())
        endpoint = Endpoint(client, host or "", cluster.namespace, used)
        # kfp takes a login's page for an empty answer, and would report a run without an id.
        if get_text(client, "/apis/v2beta1/healthz") is None:
            raise endpoint.wants_login()
    return endpoint


@contextlib.contextmanager
def connected(cluster: ClusterSettings, host: str | None = None) -> Iterator[tuple[Any, str]]:
    """Connect, and yield the client and the endpoint's address for a single block.

    Raises:
      As `connect`; what the block raises because of the endpoint becomes a StreetloopError as well.
    """
    endpoint = connect(cluster, host)
    with endpoint.asked() as client:
        yield client, endpoint.url


@contextlib.contextmanager
def _explained(host: str | None, namespace: str, used: Credentials) -> Iterator[None]:
    """Turn what kfp raises into a StreetloopError, and hold back the links that it prints."""
    from kfp_server_api import ApiException
    from urllib3.exceptions import HTTPError

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except ApiException as error:
        kind = _KINDS.get(error.status, StreetloopError)
        raise kind(describe_error(host or _UNNAMED, namespace, used, error)) from error
    except (HTTPError, TimeoutError, ConnectionError) as error:
        raise OutOfReachError(_out_of_reach(host, str(error))) from error


def get_text(client: Any, path: str, query: dict[str, str] | None = None) -> str | None:
    """Read a path of the endpoint with the client's credentials; None if it is a web page.

    kfp has no call for these paths, and its client would parse a text that looks like JSON.
    """
    answer = client._run_api.api_client.call_api(
        path,
        "GET",
        query_params=list((query or {}).items()),
        auth_settings=["Bearer"],
        _preload_content=False,
        _request_timeout=_SECONDS,
    )
    if "text/html" in answer.headers.get("Content-Type", ""):
        return None
    return str(answer.data.decode(errors="replace"))


def _address(host: str) -> str:
    address = host.rstrip("/") if "://" in host else f"https://{host.rstrip('/')}"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port or of brackets
        usable = False
    if not usable:
        raise UsageError(
            f"cluster.host is not an address: {host!r}. Expected one such as http://localhost:8080."
        )
    return address


def _reach(host: str) -> None:
    parts = urlsplit(host)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=_SECONDS).close()
    except OSError as error:
        raise OutOfReachError(_out_of_reach(host, error.strerror or str(error))) from error


def _out_of_reach(host: str | None, why: str) -> str:
    if host is None:
        return (
            f"No Kubeflow Pipelines endpoint: cluster.host and ${_ENDPOINT} are not set, and neither a "
            f"pod's nor kubectl's configuration names one ({why[:120]}…). Give "
            "--set cluster.host=http://localhost:8080 (after kubectl port-forward)."
        )
    return (
        f"Kubeflow Pipelines at {host} cannot be reached ({why[:200]}). Check cluster.host; for a "
        "cluster without a public address run `kubectl port-forward -n kubeflow svc/ml-pipeline-ui "
        "8080:80` and use http://localhost:8080."
    )

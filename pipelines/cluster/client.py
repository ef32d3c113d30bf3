"""Connect to Kubeflow Pipelines, with errors that say what to do."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.recipe.cluster import ClusterSettings

_ENDPOINT = "KF_PIPELINES_ENDPOINT"  # what kfp reads when it is given no host
_SECONDS = 10.0


class OutOfReachError(StreetloopError):
    """The endpoint does not answer at the moment; what runs on the cluster continues."""


@dataclass(frozen=True)
class Started:
    """A run or a schedule, and the address of its page."""

    id: str
    url: str


@contextlib.contextmanager
def connected(cluster: ClusterSettings) -> Iterator[tuple[Any, str]]:
    """Yield a kfp.Client and the endpoint's address, for links.

    What the block raises because of the endpoint becomes a StreetloopError.

    Raises:
      UsageError: `cluster.host` is not an address.
      StreetloopError: the endpoint cannot be reached, rejects us, or is something else.
    """
    host = cluster.host or os.environ.get(_ENDPOINT)
    if host is not None:
        host = _address(host)
        # kfp itself waits half a minute for a silent endpoint.
        _reach(host)
    from kfp_server_api import ApiException
    from urllib3.exceptions import HTTPError

    try:
        # kfp prints links of its own, and warns that it needs version 2 of the server.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            from kfp import Client

            client = Client(host=host, namespace=cluster.namespace)
            yield client, host or ""
    except ApiException as error:
        kind = OutOfReachError if error.status in (0, 502, 503, 504) else StreetloopError
        raise kind(_describe_error(host, error)) from error
    except (HTTPError, TimeoutError, ConnectionError) as error:
        raise OutOfReachError(_out_of_reach(host, str(error))) from error


def _address(host: str) -> str:
    address = host.rstrip("/") if "://" in host else f"https://{host.rstrip('/')}"
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
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


def _describe_error(host: str | None, error: Any) -> str:
    where = host or "the cluster's address"
    if error.status in (401, 403):
        return (
            f"Kubeflow Pipelines at {where} denied access ({error.status} {error.reason}). Log in as "
            "its administrator says (kfp reads the KF_PIPELINES_* variables), and check that you may "
            "use cluster.namespace."
        )
    if error.status == 404:
        return (
            f"The server at {where} is not Kubeflow Pipelines 2: it does not know the request (404). "
            f"Check cluster.host. Its answer: {_message(error)}"
        )
    return (
        f"Kubeflow Pipelines at {where} answered {error.status} {error.reason}: {_message(error)}"
    )


def _message(error: Any) -> str:
    """Return the server's own message, which it sends as JSON, in one line."""
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else error.body
    try:
        row = json.loads(body or "{}")
        body = row.get("message") or row.get("error") or body
    except (ValueError, AttributeError):
        pass
    return " ".join(str(body or "no message").split())[:300]

"""What happens when MLflow does not answer, or answers with a refusal."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from components.contracts.process.errors import StreetloopError
from components.contracts.tracking.connection import Connection

log = logging.getLogger("streetloop")

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=Connection)


def quietly(method: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[C, P], R | None]:
    """Return None where MLflow does not answer, for that must not lose a cycle.

    Raises:
      StreetloopError: MLflow answers and refuses, and a person has to change that.
    """

    @functools.wraps(method)
    def wrapper(connection: C, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        if connection.down:
            return None
        try:
            return method(connection, *args, **kwargs)
        except Exception as error:
            refusal = _explain_refusal(error, connection.uri)
            if refusal is not None:
                raise StreetloopError(refusal) from error
            connection.down = True
            log.warning(
                "MLflow at %s did not accept %s (%s: %s). The cycle continues; the next one sends what "
                "is missing.",
                connection.uri,
                method.__name__,
                type(error).__name__,
                str(error)[:300],
            )
            return None

    return wrapper


def to_run(
    method: Callable[Concatenate[C, str, P], R],
) -> Callable[Concatenate[C, str | None, P], R | None]:
    """Do as `quietly`, and return None without a run: MLflow was down when it was to be created."""
    send = quietly(method)

    @functools.wraps(method)
    def wrapper(
        connection: C, run_id: str | None, /, *args: P.args, **kwargs: P.kwargs
    ) -> R | None:
        return None if run_id is None else send(connection, run_id, *args, **kwargs)

    return wrapper


def _explain_refusal(error: Exception, uri: str) -> str | None:
    """Say what to do about a refusal; None if the error is not one."""
    text = str(error)
    if "Invalid Host header" in text:
        return (
            f"MLflow at {uri} does not answer to that host name. Start it with the name and its port, "
            "as in this address, in --allowed-hosts or MLFLOW_SERVER_ALLOWED_HOSTS."
        )
    if any(f"error code {c}" in text or f"{c} Client Error" in text for c in (401, 403)):
        return (
            f"MLflow at {uri} refused the credentials. Set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD (on a cluster: the secret that the recipe names) to an "
            "account that may write to the experiment."
        )
    return None

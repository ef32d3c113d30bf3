"""What happens when MLflow does not answer, or answers with a refusal."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from components.contracts.process.errors import StreetloopError
from components.contracts.process.kept_output import without_secrets
from components.contracts.tracking.connection import Connection
from components.contracts.tracking.refusal import explain_refusal, is_outage, problem_of

log = logging.getLogger("streetloop")

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=Connection)


def quietly(method: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[C, P], R | None]:
    """Return None where MLflow does not answer, for that must not lose a cycle.

    Raises:
      StreetloopError: MLflow rejects the credentials; or the connection is strict, and MLflow cannot
        be used until a person changes something.
    """

    @functools.wraps(method)
    def wrapper(connection: C, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        if connection.down:
            return None
        try:
            return method(connection, *args, **kwargs)
        except Exception as error:
            refusal = explain_refusal(error, connection.address)
            if refusal is None and connection.strict and not is_outage(error, connection.uri):
                refusal = (
                    f"MLflow at {connection.address} cannot be used: {problem_of(error)} Correct "
                    "tracking.uri or the store, then run again."
                )
            if refusal is not None:
                raise StreetloopError(refusal) from error
            connection.down = True
            log.warning(
                "MLflow at %s did not accept %s (%s: %s). The cycle continues; the next one sends what "
                "is missing.",
                connection.address,
                method.__name__,
                type(error).__name__,
                without_secrets(str(error), ())[:300],
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

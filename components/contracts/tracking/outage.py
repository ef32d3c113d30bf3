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
    """Return None where MLflow does not answer, or refuses, for that must not lose a cycle.

    Raises:
      StreetloopError: the connection is strict, and MLflow cannot be used until a person changes
        something, such as the credentials.
    """

    @functools.wraps(method)
    def wrapper(connection: C, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        if connection.down:
            return None
        try:
            return method(connection, *args, **kwargs)
        except Exception as error:
            refusal = explain_refusal(error, connection.address)
            if connection.strict and refusal is None and not is_outage(error, connection.uri):
                refusal = (
                    f"MLflow at {connection.address} cannot be used: {problem_of(error)} Correct "
                    "tracking.uri or the store, then run again."
                )
            if connection.strict and refusal is not None:
                raise StreetloopError(refusal) from error
            connection.down = True
            log.warning(
                "%s The cycle continues; the next one sends what is missing.",
                refusal
                or f"MLflow at {connection.address} did not accept {method.__name__} "
                f"({type(error).__name__}: {without_secrets(str(error), ())[:300]}).",
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

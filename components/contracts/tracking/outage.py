"""What happens when MLflow does not answer, or says no."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from components.contracts.process.errors import StreetloopError

log = logging.getLogger("streetloop")


class Outward(Protocol):
    """Whoever talks to MLflow.

    Attributes:
      down: the server did not answer; every later call of this process is skipped.
    """

    uri: str
    down: bool


P = ParamSpec("P")
T = TypeVar("T", bound=Outward)


def quietly(
    method: Callable[Concatenate[T, P], Any],
) -> Callable[Concatenate[T, P], Any]:
    """An MLflow that is out of reach must not lose a cycle."""

    @functools.wraps(method)
    def wrapper(self: T, *args: P.args, **kwargs: P.kwargs) -> Any:
        if self.down:
            return None
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            refused = _refusal(error, self.uri)
            if refused is not None:
                raise StreetloopError(refused) from error
            self.down = True
            log.warning(
                "MLflow at %s did not take %s (%s: %s). The cycle goes on; the next one sends what "
                "is missing.",
                self.uri,
                method.__name__,
                type(error).__name__,
                str(error)[:300],
            )
            return None

    return wrapper


def _refusal(error: Exception, uri: str) -> str | None:
    """What to do about a server that answers and says no; None if it did not answer at all."""
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

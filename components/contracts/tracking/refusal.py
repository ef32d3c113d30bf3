"""Tell an MLflow that is out of reach for a while from one that a person has to put right."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.contracts.process.kept_output import without_secrets

# Answers of a server that a later attempt may not get.
_PASSING = {
    "ABORTED",
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "INTERNAL_ERROR",
    "REQUEST_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "TEMPORARILY_UNAVAILABLE",
}
# Of MLflow's client, about requests that got no answer, or one of a server that is overloaded.
_NO_ANSWER = re.compile(r"failed with exception|error code (408|429|5\d\d)\b|\b5\d\d Server Error")
_LOCKED = "database is locked"


def explain_refusal(error: Exception, uri: str) -> str | None:
    """Say what to do about rejected credentials or a rejected host name; None for another error."""
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


def is_outage(error: Exception, uri: str) -> bool:
    """Return whether the same call may succeed later, without anybody's help.

    Args:
      error: what MLflow's client raised.
      uri: the tracking URI. A SQLite store has no network: only another writer is waited for.
    """
    text = str(error)
    if uri.startswith("sqlite:"):
        return _LOCKED in text
    if _NO_ANSWER.search(text):
        return True
    for one in _chain(error):
        name = f"{type(one).__module__.partition('.')[0]}.{type(one).__name__}"
        # A ValueError of requests is about the address, or about an answer that is no JSON.
        if isinstance(one, ConnectionError | TimeoutError) or (
            name.startswith(("requests.", "urllib3.")) and not isinstance(one, ValueError)
        ):
            return True
        if name in ("sqlalchemy.OperationalError", "sqlalchemy.InterfaceError"):
            return True
    return uri.startswith("http") and getattr(error, "error_code", None) in _PASSING


def problem_of(error: Exception) -> str:
    """Return an error of MLflow's client as one sentence, without the account of an address."""
    if isinstance(error, ModuleNotFoundError):
        return f"the Python package {error.name}, which this address needs, is not installed."
    if isinstance(error, OSError) and error.strerror:
        return without_secrets(f"{error.strerror}: {error.filename}.", ())
    text = without_secrets(str(error), ()).strip()  # before it is cut: an account ends with its @
    first = text.partition("\n")[0][:300].strip() or type(error).__name__
    return first if first.endswith(".") else f"{first}."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and those that it was raised from."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__

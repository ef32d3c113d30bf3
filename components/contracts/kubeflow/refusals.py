"""What the endpoint's refusals mean, and which right is missing."""

from __future__ import annotations

import json
import re
from typing import Any

from components.contracts.kubeflow.credentials import COOKIES_FILE, TOKEN_FILE, Credentials

# How the API server prints what it asked Kubernetes.
_ASKED = re.compile(
    r"ResourceAttributes\{Namespace:(?P<namespace>[^,]*),Verb:(?P<verb>\w*),.*?Resource:(?P<resource>\w*)"
)
_USER = re.compile(r"User '([^']*)' is not authorized")
_LOG_IN = f"Put a token into a file and name it in ${TOKEN_FILE}, or a login's cookies in ${COOKIES_FILE}."


def describe_error(where: str, namespace: str, used: Credentials, error: Any) -> str:
    """Return the message on an error of kfp's client.

    Args:
      where: the endpoint's address.
      namespace: the recipe's.
      used: the credentials that were sent.
      error: a kfp_server_api.ApiException.
    """
    server = f"Kubeflow Pipelines at {where}"
    if error.status == 401:
        return (
            f"{server} does not know who asks (401). It got {used}. {_LOG_IN} Tokens and cookies expire. "
            f"Its answer: {message(error)}"
        )
    if error.status == 403:
        return f"{server} denied access (403). {_missing(namespace, used, message(error, 2000))}"
    if error.status == 404:
        return (
            f"The server at {where} does not know the request (404): it is not Kubeflow Pipelines 2, or "
            f"what was asked for is gone. Check cluster.host. Its answer: {message(error)}"
        )
    return f"{server} answered {error.status} {error.reason}: {message(error)}"


def describe_login(where: str, used: Credentials) -> str:
    """Return the message on an endpoint that answers with a web page, as a login does."""
    return (
        f"The server at {where} answers with a web page, not as Kubeflow Pipelines does: it wants a login "
        f"(it got {used}), or it is something else. {_LOG_IN} Check cluster.host."
    )


def _missing(namespace: str, used: Credentials, said: str) -> str:
    asked, user = _ASKED.search(said), _USER.search(said)
    if asked is None:
        return (
            f"It does not say which right is missing; {used} may not use namespace {namespace}. Check "
            f"cluster.namespace. Its answer: {said[:300]}"
        )
    verb, resource = asked["verb"], f"{asked['resource']}.pipelines.kubeflow.org"
    where = asked["namespace"] or "the shared space"
    role = "kubeflow-view" if verb in ("get", "list") else "kubeflow-edit"
    return (
        f"User {user[1] if user else 'unknown'} lacks the right to {verb} {resource} in {where}. Ask the "
        f"owner of {where} for the role {role}, or correct cluster.namespace ({namespace})."
    )


def message(error: Any, length: int = 300) -> str:
    """Return the server's own message, which it sends as JSON, in one line."""
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else error.body
    try:
        row = json.loads(body or "{}")
        body = row.get("message") or row.get("error") or body
    except (ValueError, AttributeError):
        pass
    return " ".join(str(body or "no message").split())[:length]

"""An authorized connection to a CVAT server."""

from __future__ import annotations

import base64
import re
from typing import Any

import requests

from components.contracts.process.errors import UsageError
from pipelines.annotate.connection import (
    Auth,
    Connection,
    Tool,
    base_of,
    header,
    secret_of,
    token_of,
)

TOKEN = "CVAT_ACCESS_TOKEN"  # noqa: S105, a name; that of CVAT's own command
USER, PASSWORD = "CVAT_USERNAME", "CVAT_PASSWORD"
TOOL = Tool(
    name="CVAT",
    option="--cvat",
    credentials=f"the credentials in {TOKEN}, or in {USER} and {PASSWORD}",
    renew="Create a token in CVAT, under Profile, Security, that may also write, and check that the "
    "account may change the project; in an organization, pass --organization.",
)
_API_KEY = re.compile(r"[0-9a-f]{40}")  # the tokens before CVAT had personal ones


def connect(url: str, organization: str | None = None) -> Cvat:
    """Open a connection with the credentials in the environment.

    They are sent only after the server has shown that it is a CVAT server.

    Args:
      url: the server's address.
      organization: the short name of the organization to work in; None for wherever the account may.

    Raises:
      UsageError: the address is wrong, or the environment has no credentials.
      StreetloopError: no server answers, it is not CVAT, or it rejects the credentials.
    """
    connection = Cvat(base_of(url, TOOL), *_credentials(), organization)
    connection.authorize()
    return connection


def _credentials() -> tuple[str, tuple[str, ...]]:
    """Return the value of the Authorization header, and the secrets in it."""
    if token := token_of(TOKEN):
        kind = "Token" if _API_KEY.fullmatch(token) else "Bearer"
        return f"{kind} {token}", (token,)
    user, password = secret_of(USER), secret_of(PASSWORD)
    if not user or not password:
        raise UsageError(
            f"The environment variable {TOKEN} is not set. Create a token in CVAT, under Profile, "
            f"Security; or set {USER} and {PASSWORD}."
        )
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return f"Basic {pair}", (pair, password)


class Cvat(Connection):
    """Sends requests to CVAT's REST API."""

    def __init__(
        self, url: str, authorization: str, secrets: tuple[str, ...], organization: str | None
    ) -> None:
        """Remember the server and what authorizes."""
        super().__init__(TOOL, url, *secrets)
        self._header: Auth = header(authorization)
        self._organization = organization

    def authorize(self) -> None:
        """Check that CVAT answers and accepts the credentials; raise as `connect` does."""
        path = "/api/server/about"
        about = self._checked("GET", path, self._raw("GET", path))
        if not isinstance(about, dict) or not {"name", "description", "version"} <= about.keys():
            raise self._another_server("JSON without CVAT's version")
        self._auth = self._header
        self.get("/api/users/self")

    def delete(self, path: str) -> None:
        """Delete something."""
        self._send("DELETE", path)

    def upload(self, path: str, step: str, **content: Any) -> Any:
        """Send one step of an upload of several requests; return the JSON of the answer.

        Args:
          path: of the upload.
          step: "Start", "Multiple" or "Finish".
          content: `json`, or `data` and `files`.
        """
        return self._send("POST", path, headers={f"Upload-{step}": "true"}, **content)

    def _raw(self, method: str, path: str, **content: Any) -> requests.Response:
        if self._organization:
            headers = content.get("headers", {}) | {"X-Organization": self._organization}
            content["headers"] = headers
        return super()._raw(method, path, **content)

    def _remedy(self, status: int) -> str:
        if status == 404:
            return (
                "Somebody may have deleted it. Run this again: a push adds what is missing, and a pull "
                "reads what is left."
            )
        return super()._remedy(status)

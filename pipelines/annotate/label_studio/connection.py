"""An authorized connection to a Label Studio server."""

from __future__ import annotations

from typing import Any

from components.contracts.process.errors import UsageError
from pipelines.annotate.connection import Connection, Tool, base_of, header, token_of

TOKEN = "LABEL_STUDIO_API_KEY"  # noqa: S105, a name
TOOL = Tool(
    name="Label Studio",
    option="--label-studio",
    credentials=f"the token in {TOKEN}",
    renew="Copy a new one from Label Studio, under Account & Settings, and check that the account may "
    "change the project.",
)


def connect(url: str) -> LabelStudio:
    """Open a connection with the token in $LABEL_STUDIO_API_KEY.

    The token is sent only after the server has shown that it is a Label Studio server.

    Raises:
      UsageError: the address is wrong, or the environment has no token.
      StreetloopError: no server answers, it is not Label Studio, or it rejects the token.
    """
    connection = LabelStudio(base_of(url, TOOL), _token())
    connection.authorize()
    return connection


def _token() -> str:
    token = token_of(TOKEN)
    if not token:
        raise UsageError(
            f"The environment variable {TOKEN} is not set. Copy a token from Label Studio, under "
            "Account & Settings, Personal Access Token."
        )
    return token


class LabelStudio(Connection):
    """Sends requests with a token: a personal access token, or one of the older kind."""

    def __init__(self, url: str, token: str) -> None:
        """Remember the server and the token."""
        super().__init__(TOOL, url, token)
        self._token = token

    def authorize(self) -> None:
        """Check that Label Studio answers and accepts the token; raise as `connect` does."""
        version = self._checked("GET", "/api/version", self._raw("GET", "/api/version"))
        if not isinstance(version, dict) or "label-studio-os-package" not in version:
            raise self._another_server("JSON without Label Studio's version")
        self._renew()
        self.get("/api/current-user/whoami")

    def _send(self, method: str, path: str, **content: Any) -> Any:
        response = self._raw(method, path, auth=self._auth, **content)
        if response.status_code == 401 and self._personal:
            self._renew()  # its access token is valid for minutes only
            response = self._raw(method, path, auth=self._auth, **content)
        return self._checked(method, path, response)

    @property
    def _personal(self) -> bool:
        """Whether the token is a personal access token, a JWT with two dots; legacy tokens have none."""
        return self._token.count(".") == 2

    def _renew(self) -> None:
        if not self._personal:
            self._auth = header(f"Token {self._token}")
            return
        path = "/api/token/refresh/"
        answer = self._checked("POST", path, self._raw("POST", path, json={"refresh": self._token}))
        if not isinstance(answer, dict) or not isinstance(answer.get("access"), str):
            raise self._another_server("no access token")
        self._auth = header(f"Bearer {answer['access']}")

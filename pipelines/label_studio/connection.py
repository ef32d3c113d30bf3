"""An authorized connection to a Label Studio server; no error message ever contains the token."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests

from components.contracts.annotation.fields import clean
from components.contracts.process.errors import StreetloopError, UsageError

TOKEN = "LABEL_STUDIO_API_KEY"  # noqa: S105, a name
_TIMEOUT = (10, 300)  # seconds to connect, and without a byte of the answer
_REJECTED = (401, 403)
_Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]


def connect(url: str) -> Connection:
    """Open a connection with the token in $LABEL_STUDIO_API_KEY.

    The token is sent only after the server has shown that it is a Label Studio server.

    Raises:
      UsageError: the address is wrong, or the environment has no token.
      StreetloopError: no server answers, it is not Label Studio, or it rejects the token.
    """
    connection = Connection(_base(url), _token())
    connection.authorize()
    return connection


def _base(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        good = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:  # a malformed IPv6 address
        good = False
    if not good:
        raise UsageError(
            "--label-studio is not an address of the form http://HOST:PORT or https://HOST, without a "
            "user name. Give the address that the browser shows for Label Studio's first page."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _token() -> str:
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise UsageError(
            f"The environment variable {TOKEN} is not set. Copy a token from Label Studio, under "
            "Account & Settings, Personal Access Token."
        )
    # requests would quote other characters in its error.
    if not re.fullmatch(r"[\w.~+/=-]+", token, re.ASCII):
        raise UsageError(
            f"The token in {TOKEN} contains other characters than letters, digits, dots and dashes. Copy "
            "it again."
        )
    return token


def _header(value: str) -> _Auth:
    """Return a function that sets the Authorization header; as `auth` it keeps ~/.netrc out."""

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = value
        return request

    return sign


class Connection:
    """Sends requests with a token: a personal access token, or one of the older kind.

    Attributes:
      url: the server's address, without a slash at its end.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token
        self._auth: _Auth | None = None

    def authorize(self) -> None:
        """Check that Label Studio answers and accepts the token; raise as `connect` does."""
        version = self._checked("GET", "/api/version", self._raw("GET", "/api/version"))
        if not isinstance(version, dict) or "label-studio-os-package" not in version:
            raise self._not_label_studio("JSON without Label Studio's version")
        self._renew()
        self.get("/api/current-user/whoami")

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON at a path."""
        return self._send("GET", path, params=params)

    def post(self, path: str, json: Any = None, files: Any = None, **params: Any) -> Any:
        """Send JSON or files; return the JSON of the answer."""
        return self._send("POST", path, json=json, files=files, params=params)

    def patch(self, path: str, json: Any) -> Any:
        """Change something; return the JSON of the answer."""
        return self._send("PATCH", path, json=json)

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
            self._auth = _header(f"Token {self._token}")
            return
        path = "/api/token/refresh/"
        answer = self._checked("POST", path, self._raw("POST", path, json={"refresh": self._token}))
        if not isinstance(answer, dict) or not isinstance(answer.get("access"), str):
            raise self._not_label_studio("no access token")
        self._auth = _header(f"Bearer {answer['access']}")

    def _raw(self, method: str, path: str, **content: Any) -> requests.Response:
        """Send one request, without cookies and without redirects, which would pass the token on."""
        try:
            return requests.request(
                method, self.url + path, timeout=_TIMEOUT, allow_redirects=False, **content
            )
        except requests.RequestException as error:
            raise StreetloopError(
                f"Label Studio does not answer at {self.url} ({type(error).__name__}). Start it, or "
                "correct the address; then run this again to continue."
            ) from None

    def _checked(self, method: str, path: str, response: requests.Response) -> Any:
        status = response.status_code
        if 300 <= status < 400:
            target = clean(response.headers.get("Location", "nowhere"))
            raise StreetloopError(
                f"{self.url} redirects to {self._redact(target)}. Give Label Studio's final address."
            )
        try:
            answer = response.json()
        except requests.JSONDecodeError:
            kind = response.headers.get("Content-Type", "no type").partition(";")[0]
            if status < 400 or self._auth is None:
                raise self._not_label_studio(f"HTTP {status}, {clean(kind, 40)}") from None
            answer = None  # from a gateway: too busy, or the image is too large for it
        if status in _REJECTED:
            raise StreetloopError(
                f"{self.url} rejected the token in {TOKEN}: it answered {status}: "
                f"{self._detail(answer)}. Copy a new one from Label Studio, under Account & Settings, "
                "and check that the account may change the project."
            )
        if status >= 400:
            raise StreetloopError(
                f"Label Studio rejected {method} {path}: it answered {status}: {self._detail(answer)}. "
                "Run this again; if it happens again, look at the server's log."
            )
        return answer

    def _not_label_studio(self, what: str) -> StreetloopError:
        return StreetloopError(
            f"The server at {self.url} is not Label Studio ({what}). Give the address that the browser "
            "shows for Label Studio's first page."
        )

    def _detail(self, answer: Any) -> str:
        detail = answer
        if isinstance(answer, dict):
            detail = answer.get("validation_errors") or answer.get("detail")
        detail = detail or "no reason given"
        return clean(self._redact(str(detail)), 300).rstrip(".")

    def _redact(self, text: str) -> str:
        return text.replace(self._token, "***")

"""An authorized connection to a Label Studio server; no error of it ever holds the token."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from components.contracts.annotation.fields import clean
from components.contracts.process.errors import StreetloopError, UsageError

TOKEN = "LABEL_STUDIO_API_KEY"
_TIMEOUT = (10, 300)  # seconds to connect, and without a byte of the answer
_REFUSED = (401, 403)


def connect(url: str) -> Connection:
    """Opens a connection with the token in $LABEL_STUDIO_API_KEY.

    The token is sent only after the server has shown that it is a Label Studio.

    Raises:
      UsageError: no address, or no token in the environment.
      StreetloopError: nobody answers there, it is no Label Studio, or it refuses the token.
    """
    connection = Connection(_base(url), _token())
    connection.authorize()
    return connection


def _base(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        good = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:  # an IPv6 address that is none
        good = False
    if not good:
        raise UsageError(
            "Expected --label-studio as http://HOST:PORT or https://HOST, without a user name; got "
            "something else. Give the address that the browser shows for Label Studio's first page."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _token() -> str:
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise UsageError(
            f"Expected a Label Studio token in the environment variable {TOKEN}; it is not set. "
            "Copy one in Label Studio under Account & Settings, Personal Access Token."
        )
    # Anything else requests would quote in its error.
    if not re.fullmatch(r"[\w.~+/=-]+", token, re.ASCII):
        raise UsageError(
            f"Expected a Label Studio token in {TOKEN}: letters, digits, dots and dashes. It holds "
            "other characters. Copy it again."
        )
    return token


class _Header(AuthBase):
    """Sets the Authorization header; given as `auth`, so that no ~/.netrc replaces it."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


class Connection:
    """Sends requests with a token: a personal access token, or one of the older kind.

    Attributes:
      url: the server's address, without a slash at its end.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._token = token
        self._header: _Header | None = None

    def authorize(self) -> None:
        """Finds out what answers, and whether it takes the token; raises as `connect` does."""
        version = self._checked("GET", "/api/version", self._raw("GET", "/api/version"))
        if not isinstance(version, dict) or "label-studio-os-package" not in version:
            raise self._stranger("JSON without Label Studio's version")
        self._renew()
        self.get("/api/current-user/whoami")

    def get(self, path: str, **params: Any) -> Any:
        """The JSON that a path answers with."""
        return self._send("GET", path, params=params)

    def post(self, path: str, json: Any = None, files: Any = None, **params: Any) -> Any:
        """Sends JSON or files; returns the JSON of the answer."""
        return self._send("POST", path, json=json, files=files, params=params)

    def patch(self, path: str, json: Any) -> Any:
        """Changes something; returns the JSON of the answer."""
        return self._send("PATCH", path, json=json)

    def _send(self, method: str, path: str, **content: Any) -> Any:
        response = self._raw(method, path, auth=self._header, **content)
        if response.status_code == 401 and self._personal:
            self._renew()  # what it was exchanged for lives for minutes only
            response = self._raw(method, path, auth=self._header, **content)
        return self._checked(method, path, response)

    @property
    def _personal(self) -> bool:
        """A personal access token is a JWT, header.payload.signature; older ones have no dot."""
        return self._token.count(".") == 2

    def _renew(self) -> None:
        if not self._personal:
            self._header = _Header(f"Token {self._token}")
            return
        path = "/api/token/refresh/"
        answer = self._checked("POST", path, self._raw("POST", path, json={"refresh": self._token}))
        if not isinstance(answer, dict) or not isinstance(answer.get("access"), str):
            raise self._stranger("no access token")
        self._header = _Header(f"Bearer {answer['access']}")

    def _raw(self, method: str, path: str, **content: Any) -> requests.Response:
        """One request of its own: no cookies, and no redirect that would carry the token on."""
        try:
            return requests.request(
                method, self.url + path, timeout=_TIMEOUT, allow_redirects=False, **content
            )
        except requests.RequestException as error:
            raise StreetloopError(
                f"Expected Label Studio to answer at {self.url}; it does not "
                f"({type(error).__name__}). Start it, or correct the address; then run this again: "
                "it goes on where it stopped."
            ) from None

    def _checked(self, method: str, path: str, response: requests.Response) -> Any:
        status = response.status_code
        if 300 <= status < 400:
            target = clean(response.headers.get("Location", "nowhere"))
            raise StreetloopError(
                f"Expected Label Studio at {self.url}; it sends on to {self._hidden(target)}. Give "
                "its final address."
            )
        try:
            answer = response.json()
        except requests.JSONDecodeError:
            kind = response.headers.get("Content-Type", "no type").partition(";")[0]
            if status < 400 or self._header is None:
                raise self._stranger(f"HTTP {status}, {clean(kind, 40)}") from None
            answer = None  # a gateway in front of it: too busy, or the image too large for it
        if status in _REFUSED:
            raise StreetloopError(
                f"Expected a token in {TOKEN} that {self.url} takes; it answered {status}: "
                f"{self._detail(answer)}. Copy a new one in Label Studio under Account & Settings, "
                "and check that the account may change the project."
            )
        if status >= 400:
            raise StreetloopError(
                f"Expected Label Studio to take {method} {path}; it answered {status}: "
                f"{self._detail(answer)}. Run this again; if it stays, look at the server's log."
            )
        return answer

    def _stranger(self, what: str) -> StreetloopError:
        return StreetloopError(
            f"Expected a Label Studio at {self.url}; something else answers there ({what}). Give "
            "the address that the browser shows for Label Studio's first page."
        )

    def _detail(self, answer: Any) -> str:
        detail = answer
        if isinstance(answer, dict):
            detail = answer.get("validation_errors") or answer.get("detail")
        detail = detail or "no reason given"
        return clean(self._hidden(str(detail)), 300).rstrip(".")

    def _hidden(self, text: str) -> str:
        return text.replace(self._token, "***")

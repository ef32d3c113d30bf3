"""A connection to an annotation server; no error message ever contains a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from components.contracts.annotation.fields import clean
from components.contracts.process.errors import StreetloopError, UsageError

_TIMEOUT = (10, 300)  # seconds to connect, and without a byte of the answer
_REJECTED = (401, 403)
Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]


@dataclass(frozen=True)
class Tool:
    """An annotation tool, as messages name it.

    Attributes:
      name: such as "Label Studio".
      option: of the command line, which takes the server's address.
      credentials: what authorizes, and the environment variable that holds it.
      renew: what to do if the server rejects them; a sentence.
    """

    name: str
    option: str
    credentials: str
    renew: str


def base_of(url: str, tool: Tool) -> str:
    """Return the address of a server without a slash at its end; UsageError if it is none."""
    try:
        parts = urlsplit(url.strip())
        good = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:  # a malformed IPv6 address
        good = False
    if not good:
        raise UsageError(
            f"{tool.option} is not an address of the form http://HOST:PORT or https://HOST, without a "
            f"user name. Give the address that the browser shows for {tool.name}'s first page."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def secret_of(variable: str) -> str:
    """Return a secret of the environment without blanks around it; "" if there is none."""
    return os.environ.get(variable, "").strip()


def token_of(variable: str) -> str:
    """Return a token of the environment; "" if there is none, UsageError if it cannot be one."""
    token = secret_of(variable)
    # requests would quote other characters in its error.
    if token and not re.fullmatch(r"[\w.~+/=-]+", token, re.ASCII):
        raise UsageError(
            f"The token in {variable} contains other characters than letters, digits, dots and dashes. "
            "Copy it again."
        )
    return token


def header(value: str) -> Auth:
    """Return a function that sets the Authorization header; as `auth` it keeps ~/.netrc out."""

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = value
        return request

    return sign


class Connection:
    """Sends requests that are authorized once `_auth` is set.

    Attributes:
      url: the server's address, without a slash at its end.
    """

    def __init__(self, tool: Tool, url: str, *secrets: str) -> None:
        """Remember the server, and the secrets that no message may show."""
        self.url = url
        self._tool = tool
        self._secrets = secrets
        self._auth: Auth | None = None

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON at a path."""
        return self._send("GET", path, params=params)

    def post(self, path: str, json: Any = None, files: Any = None, **params: Any) -> Any:
        """Send JSON or files; return the JSON of the answer."""
        return self._send("POST", path, json=json, files=files, params=params)

    def patch(self, path: str, json: Any, **params: Any) -> Any:
        """Change something; return the JSON of the answer."""
        return self._send("PATCH", path, json=json, params=params)

    def printable(self, text: str) -> str:
        """Return a server's text for a message: short, on one line, without secrets."""
        return clean(self._redact(text), 300).rstrip(".")

    def _send(self, method: str, path: str, **content: Any) -> Any:
        return self._checked(method, path, self._raw(method, path, auth=self._auth, **content))

    def _raw(self, method: str, path: str, **content: Any) -> requests.Response:
        """Send one request, without cookies and without redirects, which would pass secrets on."""
        try:
            return requests.request(
                method, self.url + path, timeout=_TIMEOUT, allow_redirects=False, **content
            )
        except requests.RequestException as error:
            raise StreetloopError(
                f"{self._tool.name} does not answer at {self.url} ({type(error).__name__}). Start it, "
                "or correct the address; then run this again to continue."
            ) from None

    def _checked(self, method: str, path: str, response: requests.Response) -> Any:
        """Return the JSON of an answer, None for an empty one; StreetloopError if it is an error."""
        status = response.status_code
        if 300 <= status < 400:
            target = clean(response.headers.get("Location", "nowhere"))
            raise StreetloopError(
                f"{self.url} redirects to {self._redact(target)}. Give {self._tool.name}'s final "
                "address."
            )
        try:
            answer = response.json() if response.content else None
        except requests.JSONDecodeError:
            kind = response.headers.get("Content-Type", "no type").partition(";")[0]
            if status < 400 or self._auth is None:
                raise self._another_server(f"HTTP {status}, {clean(kind, 40)}") from None
            answer = None  # from a gateway: too busy, or the image is too large for it
        if status in _REJECTED:
            raise StreetloopError(
                f"{self.url} rejected {self._tool.credentials}: it answered {status}: "
                f"{self._detail(answer)}. {self._tool.renew}"
            )
        if status >= 400:
            raise StreetloopError(
                f"{self._tool.name} rejected {method} {path}: it answered {status}: "
                f"{self._detail(answer)}. {self._remedy(status)}"
            )
        return answer

    def _remedy(self, status: int) -> str:
        """Return what to do about a status of 400 or more; a sentence."""
        return "Run this again; if it happens again, look at the server's log."

    def _another_server(self, what: str) -> StreetloopError:
        return StreetloopError(
            f"The server at {self.url} is not {self._tool.name} ({what}). Give the address that the "
            f"browser shows for {self._tool.name}'s first page."
        )

    def _detail(self, answer: Any) -> str:
        detail = answer
        if isinstance(answer, dict):
            detail = answer.get("validation_errors") or answer.get("detail") or answer
        detail = detail or "no reason given"
        return self.printable(str(detail))

    def _redact(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

"""A small HTTP server that replaces an annotation server if a test needs faults on demand."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs, urlsplit


class Asked(NamedTuple):
    """A request; `body` is JSON, or bytes if it is of another type."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    headers: dict[str, str]


class HttpDouble(ThreadingHTTPServer):
    """The part that all doubles share.

    Attributes:
      breaks_at: the request, counted from 1, whose answer is lost; None for no loss.
      serves: whether that request takes effect before its answer is lost.
      gateway: every answer is a gateway's error page.
      spoil: changes an answer before it is sent, as another version of the server might.
      authorizations: the received Authorization headers.
      open_paths: that need no authorization.
    """

    daemon_threads = True
    open_paths: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.authorizations: list[str | None] = []
        self.requests, self.breaks_at, self.serves = 0, None, True
        self.gateway = False
        self.spoil: Callable[[str, str, Any], Any] = lambda method, path, answer: answer

    def answer(self, asked: Asked) -> Any:
        """Return the JSON of an answer, None for an empty one; Refusal for an error."""
        raise NotImplementedError

    def accepts(self, header: str | None) -> bool:
        """Return whether this Authorization header is valid."""
        raise NotImplementedError


class Refusal(Exception):
    """An answer with an error's status, and its JSON."""

    def __init__(self, status: int, answer: Any) -> None:
        super().__init__(status)
        self.status, self.answer = status, answer


class _Handler(BaseHTTPRequestHandler):
    server: HttpDouble

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_json = self.headers.get("Content-Type") == "application/json"
        header = self.headers.get("Authorization")
        server = self.server
        server.authorizations.append(header)
        server.requests += 1
        broken = server.requests == server.breaks_at
        if broken and not server.serves:
            self.close_connection = True
            return
        try:
            if parts.path not in server.open_paths and not server.accepts(header):
                raise Refusal(401, {"detail": f"Invalid token {header}."})
            body = json.loads(data) if is_json else data
            asked = Asked(self.command, parts.path, parse_qs(parts.query), body, dict(self.headers))
            answer = server.spoil(self.command, parts.path, copy.deepcopy(server.answer(asked)))
            status = 200
        except Refusal as refusal:
            status, answer = refusal.status, refusal.answer
        if broken:
            self.close_connection = True
            return
        content = b"" if answer is None else json.dumps(answer).encode()
        kind = "application/json"
        if server.gateway:
            status, content, kind = 502, b"<html>Bad gateway</html>", "text/html"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve

    def log_message(self, *arguments: Any) -> None:
        """Print nothing."""


D = TypeVar("D", bound=HttpDouble)


@contextmanager
def serving(server: D) -> Iterator[D]:
    """Run a double until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def stranger(status: int, content: bytes, **headers: str) -> Iterator[str]:
    """Run a server that gives the same answer to everything; it must never see a token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert "Authorization" not in self.headers
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()

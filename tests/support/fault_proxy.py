"""A small HTTP proxy that answers some requests like an overloaded storage service.

Faults: `busy` (503, not forwarded), `slow_down` (429), `silent` (no answer until the client gives
up) and `stored` (forwarded, so it takes effect, but answered with 503). Only in a script: `lost` (404),
`denied` (403), `conflict` (409) and `cut` (the connection breaks in the middle of the answer).
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

FAULTS = ("busy", "slow_down", "silent", "stored")


class FaultProxy(ThreadingHTTPServer):
    """Forwards requests to `target`; a share `rate` of them fails, with equally frequent kinds of faults.

    Attributes:
        script: faults for the next requests, before any random ones; None forwards a request.
        counts: how often each fault occurred.
        requests: how many requests for objects there were; only those can fail.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, target: str, rate: float, seed: int, silence_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.rate, self.silence_s = rate, silence_s
        self.script: list[str | None] = []
        self.counts: Counter[str] = Counter()
        self.requests = 0
        self._random, self._lock = random.Random(seed), threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a client that gave up has closed its connection."""

    def draw(self, path: str) -> str | None:
        google = path.startswith(("/storage/", "/upload/", "/download/"))
        if google and "/o?" not in path and "/o/" not in path:
            return None  # the number of requests for the bucket itself varies
        with self._lock:
            self.requests += 1
            if self.script:
                fault = self.script.pop(0)
            else:
                hit = self._random.random() < self.rate
                fault = self._random.choice(FAULTS) if hit else None
            if fault:
                self.counts[fault] += 1
            return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.draw(self.path)
        if fault == "silent":
            time.sleep(self.server.silence_s)
            self.close_connection = True
        elif fault == "busy":
            self._answer(503, [], b"busy")
        elif fault == "slow_down":
            self._answer(429, [], b"slow down")
        elif fault == "lost":
            self._answer(404, [], b"NoSuchUpload: the upload is over")
        elif fault == "denied":
            self._answer(403, [], b"denied")
        elif fault == "conflict":
            self._answer(409, [], b"another request for this name is under way")
        else:
            status, headers, content = self._forward(body)
            if fault == "stored":
                self._answer(503, [], b"stored, but answered with an error")
            elif fault == "cut":
                self._answer(status, headers, content, sent=len(content) // 2)
                self.close_connection = True
            else:
                self._answer(status, headers, content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _handle

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server.target, timeout=30)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(
        self,
        status: int,
        headers: list[tuple[str, str]],
        content: bytes,
        sent: int | None = None,
    ) -> None:
        self.send_response_only(status)
        size = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                size = value  # of the object; the answer itself is empty
            elif name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", size)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:sent])

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: tests read the counts."""


@contextmanager
def fault_proxy(
    target: str, *, rate: float = 0.0, seed: int = 0, silence_s: float = 1.0
) -> Iterator[FaultProxy]:
    """Run a proxy until the end of the block."""
    proxy = FaultProxy(target, rate, seed, silence_s)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()

"""A real HTTP server on this machine that keeps what is posted to it, as a chat service would."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


class WebhookServer:
    """What arrived, and what the server answers."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.status = 200
        self.location: str | None = None
        self.url = ""


@contextmanager
def webhook_server() -> Iterator[WebhookServer]:
    """Run a server; its address has a secret path, as those of chat services do."""
    kept = WebhookServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert list(body) == ["text"]
            kept.texts.append(body["text"])
            self.send_response(kept.status)
            if kept.location:
                self.send_header("Location", kept.location)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}/services/T0/s3cret-t0ken"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()

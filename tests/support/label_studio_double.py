"""A small HTTP server with the part of Label Studio's API that push and pull use.

It replaces the real one (tests/e2e/test_label_studio.py) if a test needs faults on demand.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

OLD_TOKEN = "0123456789abcdef0123456789abcdef01234567"
PERSONAL_TOKEN = "aaaa.bbbb.cccc"
WHO = 7


class Double(ThreadingHTTPServer):
    """The server and all that it stores.

    Attributes:
      lives: requests for which an access token is valid.
      breaks_at: the request, counted from 1, whose answer is lost; None for no loss.
      serves: whether that request takes effect before its answer is lost.
      gateway: every answer is a gateway's error page.
      spoil: changes an answer before it is sent, as another version of the server might.
      authorizations: the received Authorization headers.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.projects: dict[int, dict[str, Any]] = {}
        self.tasks: list[dict[str, Any]] = []
        self.uploads: list[dict[str, Any]] = []
        self.authorizations: list[str | None] = []
        self.lives, self._left, self._access = 100, 0, 0
        self.requests, self.breaks_at, self.serves = 0, None, True
        self.gateway = False
        self.spoil: Callable[[str, str, Any], Any] = lambda method, path, answer: answer

    def annotate(
        self, image_id: str, result: list[Any], cancelled: bool = False, **more: Any
    ) -> None:
        """Store what a person's browser would send."""
        task = next(t for t in self.tasks if t["data"]["image_id"] == image_id)
        number = len(task["annotations"]) + 1
        at = f"2026-01-01T00:00:0{number}.000000Z"
        task["annotations"].append(
            {"id": number, "completed_by": WHO, "result": result, "was_cancelled": cancelled}
            | {"created_at": at, "updated_at": at, "prediction": {"created_ago": "0 minutes"}}
            | more
        )

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        """Return the JSON of an answer; KeyError for an unknown path."""
        found = re.fullmatch(r"/api/projects/(\d+)/(.*)", path)
        number, what = (int(found[1]), found[2]) if found else (0, path)
        match method, what:
            case "GET", "/api/version":
                return {"label-studio-os-package": {"version": "0"}}
            case "GET", "/api/current-user/whoami":
                return {"id": WHO}
            case "POST", "/api/token/refresh/":
                if body["refresh"] != PERSONAL_TOKEN:
                    raise PermissionError(f"Token {body['refresh']} is invalid")
                self._access, self._left = self._access + 1, self.lives
                return {"access": f"access-{self._access}"}
            case "GET", "/api/projects/":
                return {"results": list(self.projects.values()), "next": None}
            case "POST", "/api/projects/":
                row = body | {"id": len(self.projects) + 1}
                self.projects[row["id"]] = row
                return row
            case "GET", "":
                return self.projects[number]
            case "PATCH", "":
                return self.projects[number].update(body) or self.projects[number]
            case "GET", "/api/tasks":
                size, page = int(query["page_size"][0]), int(query["page"][0])
                rows = self.tasks[size * (page - 1) : size * page]
                return {"tasks": [_counted(row) for row in rows], "total": len(self.tasks)}
            case "GET", "file-uploads":
                return self.uploads
            case "POST", "import" if isinstance(body, bytes):
                name = re.search(rb'filename="([^"]+)"', body)
                assert name
                row = {"id": len(self.uploads) + 1}
                row["file"] = f"upload/{number}/{row['id']:08x}-{name[1].decode()}"
                self.uploads.append(row)
                return {"file_upload_ids": [row["id"]]}
            case "POST", "import":
                for task in body:
                    row = {"id": len(self.tasks) + 1, "annotations": []}
                    self.tasks.append(task | row)
                return {"task_count": len(body)}
            case "GET", "export":
                return [t for t in self.tasks if str(t["id"]) in query["ids[]"]]
            case "GET", _:
                return self.uploads[int(what.removeprefix("/api/import/file-upload/")) - 1]
        raise KeyError(path)

    def accepts(self, header: str | None) -> bool:
        """Return whether this Authorization header is (still) valid."""
        if header == f"Token {OLD_TOKEN}":
            return True
        self._left -= 1
        return header == f"Bearer access-{self._access}" and self._left >= 0


def _counted(task: dict[str, Any]) -> dict[str, Any]:
    cancelled = sum(a["was_cancelled"] for a in task["annotations"])
    total = len(task["annotations"]) - cancelled
    return {
        "id": task["id"],
        "data": task["data"],
        "total_annotations": total,
        "cancelled_annotations": cancelled,
    }


class _Handler(BaseHTTPRequestHandler):
    server: Double

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
        is_open = parts.path in ("/api/version", "/api/token/refresh/")
        if not is_open and not server.accepts(header):
            status, answer = 401, {"detail": f"Invalid token {header}."}
        else:
            try:
                body = json.loads(data) if is_json else data
                status = 200
                answer = server.answer(self.command, parts.path, parse_qs(parts.query), body)
                answer = server.spoil(self.command, parts.path, copy.deepcopy(answer))
            except PermissionError as error:
                status, answer = 401, {"detail": str(error)}
        if broken:
            self.close_connection = True
            return
        content, kind = json.dumps(answer).encode(), "application/json"
        if server.gateway:
            status, content, kind = 502, b"<html>Bad gateway</html>", "text/html"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = _serve

    def log_message(self, *arguments: Any) -> None:
        """Print nothing."""


@contextmanager
def running_double() -> Iterator[Double]:
    """Run a double until the end of the block."""
    server = Double()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

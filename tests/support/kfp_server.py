"""A small HTTP server with the part of Kubeflow Pipelines' API that we call.

It stores objects as the real one does (experiments, pipelines with versions, runs, recurring runs), so
that tests can use the real kfp.Client. It runs nothing.
"""

from __future__ import annotations

import email
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

_API = "/apis/v2beta1"


@dataclass
class KfpServer:
    """The objects that the server stores.

    Attributes:
      url: its address.
      failing_after_health: if set, every answer except that on health is this error.
      script: what the next looks at a run find: its state and its tasks.
      logs: by pod.
      serves_ui: whether the address is that of the UI's server, which serves logs too.
      page_size: of recurring runs; a small one makes the client request a second page.
    """

    url: str = ""
    failing_after_health: int | None = None
    page_size: int = 100
    script: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    serves_ui: bool = True
    experiments: list[dict[str, Any]] = field(default_factory=list)
    pipelines: list[dict[str, Any]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    schedules: list[dict[str, Any]] = field(default_factory=list)

    def get(self, path: str, query: dict[str, list[str]]) -> dict[str, Any]:
        if path == "/healthz":
            return {"multi_user": False}
        if path == "/experiments":
            name = _filtered_name(query)
            found = [e for e in self.experiments if name in (None, e["display_name"])]
            return {"experiments": found} if found else {}
        if path == "/pipelines":
            name = _filtered_name(query)
            found = [p for p in self.pipelines if name in (None, p["display_name"])]
            return {"pipelines": found} if found else {}
        if path.endswith("/versions"):
            owner = path.split("/")[2]
            return {"pipeline_versions": [v for v in self.versions if v["pipeline_id"] == owner]}
        if path == "/runs":
            wanted = query["experiment_id"][0]
            rows = [r for r in self.runs if r["experiment_id"] == wanted]
            return {"runs": list(reversed(rows))} if rows else {}
        if path.startswith("/runs/"):
            return self._progress(path.removeprefix("/runs/"))
        if path == "/recurringruns":
            start = int(query.get("page_token", ["0"])[0] or 0)
            end = start + self.page_size
            page: dict[str, Any] = {"recurringRuns": self.schedules[start:end]}
            if end < len(self.schedules):
                page["next_page_token"] = str(end)
            return page
        raise KeyError(path)

    def text(self, path: str, query: dict[str, list[str]]) -> str | None:
        """Return a pod's log, as the UI's server and the API server give it; None for another path."""
        if path == "/k8s/pod/logs" and self.serves_ui:
            return self.logs.get(query["podname"][0], "")
        if path.startswith("/apis/v1alpha1/runs/") and path.endswith("/log"):
            return self.logs.get(path.split("/")[6], "")
        return None

    def _progress(self, run_id: str) -> dict[str, Any]:
        """Return a run as it is now: each look at it sees the next of `script`, and then its last."""
        run = next((r for r in self.runs if r["run_id"] == run_id), None)
        if run is None:
            raise KeyError(run_id)
        if self.script:
            run.update(self.script.pop(0))
        return run

    def post(self, path: str, query: dict[str, list[str]], body: Any) -> dict[str, Any]:
        if path == "/experiments":
            return _add(self.experiments, "experiment_id", body)
        if path == "/runs":
            return _add(self.runs, "run_id", {**body, "created_at": "2026-01-02T03:04:05Z"})
        if path == "/recurringruns":
            return _add(self.schedules, "recurring_run_id", {**body, "status": "ENABLED"})
        if path == "/pipelines/upload":
            made = _add(self.pipelines, "pipeline_id", {"display_name": query["name"][0]})
            self._version(made["pipeline_id"], query["name"][0], body)
            return made
        if path == "/pipelines/upload_version":
            return self._version(query["pipelineid"][0], query["name"][0], body)
        raise KeyError(path)

    def delete(self, path: str) -> dict[str, Any]:
        kind, wanted = path.strip("/").split("/")
        assert kind == "recurringruns"
        left = [s for s in self.schedules if s["recurring_run_id"] != wanted]
        if len(left) == len(self.schedules):
            raise KeyError(path)
        self.schedules[:] = left
        return {}

    def _version(self, pipeline: str, name: str, spec: Any) -> dict[str, Any]:
        row = {"pipeline_id": pipeline, "display_name": name, "pipeline_spec": spec}
        return _add(self.versions, "pipeline_version_id", row)


def _add(rows: list[dict[str, Any]], key: str, row: dict[str, Any]) -> dict[str, Any]:
    made = {**row, key: f"{key.removesuffix('_id')}-{len(rows) + 1}"}
    rows.append(made)
    return made


def _filtered_name(query: dict[str, list[str]]) -> str | None:
    if "filter" not in query:
        return None
    (predicate,) = json.loads(query["filter"][0])["predicates"]
    return predicate.get("stringValue") or predicate["string_value"]


def _uploaded(content_type: str, data: bytes) -> Any:
    """Return the YAML in a multipart form."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form = email.message_from_bytes(head + data, policy=email.policy.default)
    (part,) = form.iter_parts()
    return list(yaml.safe_load_all(part.get_content()))


@contextmanager
def kfp_server() -> Iterator[KfpServer]:
    """Run a server on a free port of this machine."""
    held = KfpServer()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, method: str) -> None:
            parts = urlsplit(self.path)
            path, query = parts.path.removeprefix(_API), parse_qs(parts.query)
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            failing = None if path == "/healthz" else held.failing_after_health
            status = failing or 200
            reply: dict[str, Any] = {"message": f"the server says {status}"}
            if failing is None:
                try:
                    if method == "GET":
                        reply = held.get(path, query)
                    elif method == "DELETE":
                        reply = held.delete(path)
                    elif "/upload" in path:
                        spec = _uploaded(self.headers["Content-Type"], data)
                        reply = held.post(path, query, spec)
                    else:
                        reply = held.post(path, query, json.loads(data))
                except KeyError:
                    status, reply = 404, {"message": f"not found: {method} {path}"}
            body, kind = json.dumps(reply).encode(), "application/json"
            if method == "GET" and (text := held.text(parts.path, query)) is not None:
                status, body, kind = (200, text.encode(), "text/plain") if text else (404, b"", "")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def do_DELETE(self) -> None:
            self._answer("DELETE")

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

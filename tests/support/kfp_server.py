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
      multi_user: whether it says so.
      version: the `tag_name` that it tells.
      calls: method and path of every request.
      accepts: the one Authorization or Cookie header that it knows; "": it asks for none.
      denied: the verbs and resources that the user may not use.
      login_page: every answer is the page of a login.
      page_size: of recurring runs; a small one makes the client request a second page.
    """

    url: str = ""
    failing_after_health: int | None = None
    page_size: int = 100
    script: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    serves_ui: bool = True
    accepts: str = ""
    denied: set[tuple[str, str]] = field(default_factory=set)
    login_page: bool = False
    calls: list[tuple[str, str]] = field(default_factory=list)
    multi_user: bool = False
    version: str = "2.17.0"
    experiments: list[dict[str, Any]] = field(default_factory=list)
    pipelines: list[dict[str, Any]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    schedules: list[dict[str, Any]] = field(default_factory=list)

    def get(self, path: str, query: dict[str, list[str]]) -> dict[str, Any]:
        if path == "/healthz":
            return {"multi_user": self.multi_user, "tag_name": self.version}
        if path == "/experiments":
            name, namespace = _filtered_name(query), query.get("namespace", [""])[0]
            found = [
                e
                for e in self.experiments
                if name in (None, e["display_name"]) and e["namespace"] == namespace
            ]
            return {"experiments": found} if found else {}
        if path == "/pipelines":
            name, namespace = _filtered_name(query), query.get("namespace", [""])[0]
            found = [
                p
                for p in self.pipelines
                if name in (None, p["display_name"]) and p["namespace"] == namespace
            ]
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

    def refused(
        self, method: str, path: str, query: dict[str, list[str]], headers: Any
    ) -> tuple[int, str] | None:
        """Return the status and message of a refusal, as Kubeflow for several users gives them."""
        sent = (headers.get("Authorization"), headers.get("Cookie"))
        if self.accepts and self.accepts not in sent:
            return 401, "Unauthenticated: there is no user identity header"
        resource = path.strip("/").split("/")[0]
        verb = "list" if method == "GET" else "create"
        if (verb, resource) in self.denied:
            return 403, (
                "Failed to authorize: PermissionDenied: User 'ann@example.com' is not authorized with "
                "reason:  (request: &ResourceAttributes{Namespace:team,Verb:"
                f"{verb},Group:pipelines.kubeflow.org,Version:v2beta1,Resource:{resource},"
                "Subresource:,Name:,}): Unauthorized access"
            )
        listing = self.multi_user and method == "GET" and path == "/experiments"
        if listing and not query.get("namespace"):
            return 400, "Invalid input error: in multi-user mode, a namespace is required"
        return None

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
            row = {"display_name": query["name"][0], "namespace": query.get("namespace", [""])[0]}
            made = _add(self.pipelines, "pipeline_id", row)
            self._version(made["pipeline_id"], query["name"][0], body)
            return made
        if path == "/pipelines/upload_version":
            return self._version(query["pipelineid"][0], query["name"][0], body)
        for action, status in ((":disable", "DISABLED"), (":enable", "ENABLED")):
            if path.startswith("/recurringruns/") and path.endswith(action):
                wanted = path.removeprefix("/recurringruns/").removesuffix(action)
                row = next((s for s in self.schedules if s["recurring_run_id"] == wanted), None)
                if row is not None:
                    row["status"] = status
                    return {}
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
    # Not the count of the rows: after a deletion that may be another's number.
    number = 1 + max((int(known[key].rsplit("-", 1)[1]) for known in rows), default=0)
    made = {**row, key: f"{key.removesuffix('_id')}-{number}"}
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
            held.calls.append((method, path))
            refusal = held.refused(method, path, query, self.headers)
            status = failing or (refusal[0] if refusal else 200)
            reply: dict[str, Any] = {"message": f"the server says {status}"}
            if refusal and failing is None:
                reply = {"message": refusal[1], "code": 7}
            if failing is None and refusal is None:
                try:
                    if method == "GET":
                        reply = held.get(path, query)
                    elif method == "DELETE":
                        reply = held.delete(path)
                    elif "/upload" in path:
                        spec = _uploaded(self.headers["Content-Type"], data)
                        reply = held.post(path, query, spec)
                    else:
                        reply = held.post(path, query, json.loads(data or "null"))
                except KeyError:
                    status, reply = 404, {"message": f"not found: {method} {path}"}
            body, kind = json.dumps(reply).encode(), "application/json"
            if held.login_page:
                status, body, kind = 200, b"<html>Log in</html>", "text/html; charset=utf-8"
            elif method == "GET" and (text := held.text(parts.path, query)) is not None:
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

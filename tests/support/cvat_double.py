"""A small HTTP server with the part of CVAT's REST API that push and pull use.

Paths, fields and states are those that cvat-sdk 2.80 uses. No real CVAT runs in the tests: it needs a
dozen containers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from components.contracts.data.records import decode_image
from tests.support.http_double import Asked, HttpDouble, Refusal, serving

TOKEN = "prefix12.0123456789abcdefABCDEF"
API_KEY = "0123456789abcdef0123456789abcdef01234567"
USER, PASSWORD = "eve", "pass word"
_BASIC = "Basic ZXZlOnBhc3Mgd29yZA=="
_ACCEPTED = (f"Bearer {TOKEN}", f"Token {API_KEY}", _BASIC)
_STEPS = ["queued", "started", "finished"]


class CvatDouble(HttpDouble):
    """The server and all that it stores.

    Attributes:
      projects, labels, tasks, jobs: rows, as the API answers with them.
      uploads: by task: uploaded files by name, as they are on the server's disk.
      frames: by task: the name, width and height of its images, once they are made.
      deleted: by task: numbers of the deleted frames.
      shapes: by task: what was drawn.
      tracks: by task.
      work: background requests by id.
      fails: why the next background request fails; "" for not.
      page_size: the most rows of a page.
      organizations: the received X-Organization headers.
    """

    open_paths = ("/api/server/about",)

    def __init__(self) -> None:
        super().__init__()
        self.clear()
        self.fails, self.page_size = "", 100
        self.organizations: set[str | None] = set()

    def clear(self) -> None:
        """Forget everything that is stored."""
        self.projects: list[dict[str, Any]] = []
        self.labels: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.jobs: list[dict[str, Any]] = []
        self.uploads: dict[int, dict[str, bytes]] = {}
        self.frames: dict[int, list[dict[str, Any]]] = {}
        self.deleted: dict[int, list[int]] = {}
        self.shapes: dict[int, list[dict[str, Any]]] = {}
        self.tracks: dict[int, list[Any]] = {}
        self.work: dict[str, dict[str, Any]] = {}
        self._clock = 0

    def accepts(self, header: str | None) -> bool:
        return header in _ACCEPTED

    def job_of(self, image_id: str) -> tuple[dict[str, Any], int]:
        """Return the job that holds an image, and the number of its frame."""
        for task, frames in self.frames.items():
            for number, frame in enumerate(frames):
                if frame["name"] == f"{image_id}.png":
                    jobs = [j for j in self.jobs if j["task_id"] == task]
                    return next(
                        j for j in jobs if j["start_frame"] <= number <= j["stop_frame"]
                    ), number
        raise LookupError(image_id)

    def draw(self, image_id: str, shapes: list[dict[str, Any]], who: str | None = USER) -> None:
        """Replace what is drawn in an image, and assign its job, as a person's browser would."""
        job, number = self.job_of(image_id)
        ids = {row["name"]: row["id"] for row in self.labels}
        kept = [s for s in self.shapes[job["task_id"]] if s["frame"] != number]
        new = [
            {key: value for key, value in shape.items() if key != "label"}
            | {"frame": number, "label_id": ids[shape["label"]], "z_order": 0, "rotation": 0.0}
            for shape in shapes
        ]
        self.shapes[job["task_id"]] = kept + new
        job["assignee"] = None if who is None else {"id": 3, "username": who}
        self.touch(job)

    def touch(self, job: dict[str, Any], **changes: Any) -> None:
        """Change a job, as of now."""
        self._clock += 1
        job.update(changes | {"updated_date": f"2026-01-01T00:00:{self._clock:02}.123456Z"})

    def finish(self, image_id: str) -> None:
        """Set the job of an image to completed."""
        self.touch(self.job_of(image_id)[0], state="completed")

    def answer(self, asked: Asked) -> Any:
        method, path, query, body = asked[:4]
        self.organizations.add(asked.headers.get("X-Organization"))
        found = re.fullmatch(r"/api/(\w+)/([^/]+)(?:/(.*))?", path)
        kind, key, what = found.groups() if found else (path, "", None)
        number = int(key) if key.isdecimal() else 0
        match method, kind, what:
            case "GET", "server", None:
                return {"name": "CVAT", "description": "", "version": "2.80.0"}
            case "GET", "users", None:
                return {"id": 3, "username": USER}
            case "GET", ("/api/projects" | "/api/labels" | "/api/tasks" | "/api/jobs") as name, _:
                return self._page(getattr(self, name.rpartition("/")[2]), query)
            case "GET", "/api/requests", _:
                task = int(query["task_id"][0])
                rows = [w for w in self.work.values() if w["operation"]["task_id"] == task]
                return self._page(rows, {})
            case "GET", "requests", None:
                return self._advance(key)
            case "POST", "/api/projects", _:
                row = {"id": len(self.projects) + 1, "name": body["name"]}
                self.projects.append(row)
                for label in body["labels"]:
                    of = {"id": 10 + len(self.labels), "project_id": row["id"]}
                    self.labels.append(label | of)
                return row
            case "POST", "/api/tasks", _:
                row = body | {"id": max([t["id"] for t in self.tasks], default=0) + 1, "size": 0}
                self.tasks.append(row)
                self.uploads[row["id"]] = {}
                return row
            case _, "tasks", _:
                return self._task(number, what, asked)
            case "GET", "jobs", "annotations/":
                (job,) = (j for j in self.jobs if j["id"] == number)
                return self._drawn(job["task_id"], job["start_frame"], job["stop_frame"])
        raise Refusal(404, {"detail": "Not found."})

    def _task(self, number: int, what: str | None, asked: Asked) -> Any:
        found = [task for task in self.tasks if task["id"] == number]
        if not found:
            raise Refusal(404, {"detail": "No Task matches the given query."})
        (task,) = found
        if what in ("annotations/", "data/meta") and not task["size"]:
            raise Refusal(400, "A task without data has none of this")
        match asked.method, what:
            case "GET", None:
                return task
            case "PATCH", None:
                return task.update(asked.body) or task
            case "DELETE", None:
                self.tasks.remove(task)
                self.jobs = [job for job in self.jobs if job["task_id"] != number]
                self.frames.pop(number, None)
                return None
            case "GET", "data/meta":
                return {"frames": self.frames[number], "deleted_frames": self.deleted[number]}
            case "GET", "annotations/":
                return self._drawn(number, 0, task["size"])
            case "PATCH", "annotations/" if asked.query["action"] == ["create"]:
                known = {row["id"] for row in self.labels}
                if any(shape["label_id"] not in known for shape in asked.body["shapes"]):
                    raise Refusal(400, "label_id is not in the task")
                self.shapes[number] += asked.body["shapes"]
                return asked.body
            case "POST", "data/" if task["size"]:
                raise Refusal(400, "Adding more data is not supported")
            case "POST", "data/" if "Upload-Start" in asked.headers:
                return None
            case "POST", "data/" if "Upload-Multiple" in asked.headers:
                return self._store(number, asked)
            case "POST", "data/" if "Upload-Finish" in asked.headers:
                name = f"action=create&target=task&id={number}"
                self.work[name] = {"id": name, "status": "queued", "message": "", "files": asked}
                self.work[name] |= {"operation": {"type": "create", "task_id": number}}
                return {"rq_id": name}
        raise Refusal(404, {"detail": "Not found."})

    def _store(self, task: int, asked: Asked) -> None:
        """Append files to those of the same name, as CVAT does."""
        boundary = asked.headers["Content-Type"].partition("boundary=")[2].encode()
        for part in asked.body.split(b"--" + boundary):
            head, _, content = part.partition(b"\r\n\r\n")
            if found := re.search(rb'filename="([^"]+)"', head):
                files, name = self.uploads[task], found[1].decode()
                files[name] = files.get(name, b"") + content.removesuffix(b"\r\n")

    def _advance(self, name: str) -> Any:
        """Return a background request, which gets on each time that somebody asks."""
        work = self.work[unquote(name)]
        status = _STEPS[min(_STEPS.index(work["status"]) + 1, 2)]
        if status == "finished" and self.fails:
            status, work["message"] = "failed", self.fails
        if status == "finished" and work["status"] != "finished":
            self._make_frames(work["operation"]["task_id"], work["files"].body)
        work["status"] = status
        return {key: value for key, value in work.items() if key != "files"}

    def _make_frames(self, number: int, how: dict[str, Any]) -> None:
        (task,) = (t for t in self.tasks if t["id"] == number)
        names, files = how["upload_file_order"], self.uploads[number]
        assert sorted(names) == sorted(files)
        sizes = [decode_image(files[name]).shape for name in names]
        self.frames[number] = [
            {"name": name, "height": size[0], "width": size[1]}
            for name, size in zip(names, sizes, strict=True)
        ]
        self.deleted[number], self.shapes[number], self.tracks[number] = [], [], []
        task["size"] = len(names)
        for start in range(0, len(names), task["segment_size"]):
            stop = min(start + task["segment_size"], len(names)) - 1
            job = {"id": 100 * number + start, "task_id": number, "type": "annotation"}
            job |= {"project_id": task["project_id"], "start_frame": start, "stop_frame": stop}
            job |= {"stage": "annotation", "state": "new", "assignee": None}
            self.jobs.append(job)
            self.touch(job)

    def _drawn(self, task: int, start: int, stop: int) -> dict[str, Any]:
        shapes = [shape for shape in self.shapes[task] if start <= shape["frame"] <= stop]
        return {"version": 0, "tags": [], "shapes": shapes, "tracks": self.tracks[task]}

    def _page(self, rows: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
        if "project_id" in query:
            rows = [row for row in rows if row["project_id"] == int(query["project_id"][0])]
        number = int(query.get("page", ["1"])[0])
        until = self.page_size * number
        more = f"{self.url}/?page={number + 1}" if until < len(rows) else None
        page = rows[self.page_size * (number - 1) : until]
        return {"count": len(rows), "next": more, "previous": None, "results": page}


@contextmanager
def running_cvat() -> Iterator[CvatDouble]:
    """Run a double until the end of the block."""
    with serving(CvatDouble()) as server:
        yield server

"""A small HTTP server with the part of Label Studio's API that push and pull use.

It replaces the real one (tests/e2e/test_label_studio.py) if a test needs faults on demand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.http_double import Asked, HttpDouble, Refusal, serving

OLD_TOKEN = "0123456789abcdef0123456789abcdef01234567"
PERSONAL_TOKEN = "aaaa.bbbb.cccc"
WHO = 7


class Double(HttpDouble):
    """The server and all that it stores.

    Attributes:
      lives: requests for which an access token is valid.
    """

    open_paths = ("/api/version", "/api/token/refresh/")

    def __init__(self) -> None:
        super().__init__()
        self.projects: dict[int, dict[str, Any]] = {}
        self.tasks: list[dict[str, Any]] = []
        self.uploads: list[dict[str, Any]] = []
        self.lives, self._left, self._access = 100, 0, 0

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

    def answer(self, asked: Asked) -> Any:
        """Return the JSON of an answer; KeyError for an unknown path."""
        method, path, query, body = asked[:4]
        found = re.fullmatch(r"/api/projects/(\d+)/(.*)", path)
        number, what = (int(found[1]), found[2]) if found else (0, path)
        match method, what:
            case "GET", "/api/version":
                return {"label-studio-os-package": {"version": "0"}}
            case "GET", "/api/current-user/whoami":
                return {"id": WHO}
            case "POST", "/api/token/refresh/":
                if body["refresh"] != PERSONAL_TOKEN:
                    raise Refusal(401, {"detail": f"Token {body['refresh']} is invalid"})
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


@contextmanager
def running_double() -> Iterator[Double]:
    """Run a double until the end of the block."""
    with serving(Double()) as server:
        yield server

"""One campaign's project on a Label Studio server: found by a mark that outlives its title."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from components.contracts.annotation.label_studio import labeling_config
from components.contracts.process.errors import StreetloopError
from pipelines.label_studio.answer import expect, expect_rows
from pipelines.label_studio.connection import Connection

MODEL_VERSION = "streetloop"  # one for all: Label Studio shows the predictions of one version only
_PAGE = 100
_LONGEST_TITLE = 50
_LIST, _IMPORT = "the list of tasks", "an import"
_EDITION = (
    "Other editions than the Community Edition import later, in the background, which is not "
    "supported."
)


class Task(NamedTuple):
    """A task of the project. `finished`: somebody submitted an annotation, or skipped it."""

    number: int
    image_id: str | None
    finished: bool


class Project:
    """A project on a server.

    Attributes:
      number: its id.
    """

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection = connection
        self.number = number

    @property
    def url(self) -> str:
        """The page that people open."""
        return f"{self._connection.url}/projects/{self.number}/data"

    def tasks(self) -> list[Task]:
        """All its tasks, without what was drawn in them."""
        rows: list[dict[str, Any]] = []
        while True:
            page = len(rows) // _PAGE + 1
            answer = self._connection.get(
                "/api/tasks", project=self.number, page=page, page_size=_PAGE
            )
            found = expect(answer, "tasks", list, _LIST)
            rows += found
            if len(found) < _PAGE or len(rows) >= expect(answer, "total", int, _LIST):
                break
        return [_task(row) for row in rows]

    def uploads(self) -> dict[str, str]:
        """The files that were uploaded: their name -> their address."""
        what = "the list of uploads"
        rows = expect_rows(self._connection.get(self._path("file-uploads"), all="true"), what)
        return dict(self._named(expect(row, "file", str, what)) for row in rows)

    def upload(self, name: str, data: bytes) -> str:
        """Uploads an image without making a task of it; returns its address."""
        answer = self._connection.post(
            self._path("import"),
            files={"file": (name, data, "image/png")},
            commit_to_project="false",
        )
        for number in expect(answer, "file_upload_ids", list, _IMPORT, _EDITION)[:1]:
            uploaded = self._connection.get(f"/api/import/file-upload/{number}")
            return self._named(expect(uploaded, "file", str, "an upload"))[1]
        raise StreetloopError(
            f"Expected Label Studio to take the image {name}; it took none. Look at the server's log, "
            "and run this again."
        )

    def add(self, task: dict[str, Any]) -> None:
        """Adds one task with its prediction: both or neither."""
        answer = self._connection.post(self._path("import"), json=[task])
        expect(answer, "task_count", int, _IMPORT, _EDITION)

    def export(self, numbers: Iterable[int]) -> list[dict[str, Any]]:
        """These tasks with what people drew, as Label Studio's JSON export has them."""
        answer = self._connection.get(
            self._path("export"), exportType="JSON", **{"ids[]": sorted(numbers)}
        )
        return expect_rows(answer, "an export")

    def _path(self, what: str) -> str:
        return f"/api/projects/{self.number}/{what}"

    def _named(self, file: str) -> tuple[str, str]:
        """`upload/<project>/<8 digits>-<name>` -> name, and the path where browsers find it."""
        name = file.rpartition("/")[2].partition("-")[2]
        return name, f"{urlsplit(self._connection.url).path}/data/{file}"


def _task(row: Any) -> Task:
    image_id = expect(row, "data", dict, _LIST).get("image_id")
    counts = (expect(row, f"{kind}_annotations", int, _LIST) for kind in ("total", "cancelled"))
    number = expect(row, "id", int, _LIST)
    return Task(number, image_id if isinstance(image_id, str) else None, sum(counts) > 0)


def find_project(connection: Connection, campaign: str) -> Project | None:
    """The project of a campaign, by the mark in its description; the oldest, if there are several."""
    found = [row["id"] for row in _projects(connection) if _mark(campaign) in row["description"]]
    return Project(connection, min(found)) if found else None


def open_project(connection: Connection, campaign: str, name: str) -> Project:
    """The project of a campaign: made if there is none, its labeling interface put right if not.

    Args:
      connection: to the server.
      campaign: what tells this campaign from all others.
      name: of the campaign, for the title.
    """
    config = labeling_config()
    project = find_project(connection, campaign)
    if project is None:
        settings = {
            "title": f"Streetloop {name}"[:_LONGEST_TITLE],
            "description": f"Labels for the campaign {name}. Keep this mark: {_mark(campaign)}",
            "label_config": config,
            "show_collab_predictions": True,
            "skip_queue": "IGNORE_SKIPPED",  # who skips says that nobody can label it
        }
        made = connection.post("/api/projects/", json=settings)
        return Project(connection, expect(made, "id", int, "a new project"))
    path = f"/api/projects/{project.number}/"
    if expect(connection.get(path), "label_config", str, "a project") != config:
        connection.patch(path, {"label_config": config})
    return project


def _mark(campaign: str) -> str:
    return f"[streetloop {campaign}]"


def _projects(connection: Connection) -> Iterator[dict[str, Any]]:
    page, what = 1, "the list of projects"
    while True:
        answer = connection.get(
            "/api/projects/", include="id,description", page=page, page_size=_PAGE
        )
        for row in expect(answer, "results", list, what):
            description = expect(row, "description", object, what)  # None if nobody wrote one
            yield {"id": expect(row, "id", int, what), "description": str(description or "")}
        if not expect(answer, "next", object, what):
            return
        page += 1

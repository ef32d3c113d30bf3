"""The project of a campaign on a Label Studio server, found by a mark in its description."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from components.contracts.annotation.label_studio import labeling_config
from components.contracts.process.errors import StreetloopError
from pipelines.annotate.label_studio.answers import (
    ExportedTask,
    Imported,
    NewProject,
    ProjectPage,
    ProjectRow,
    ProjectSettings,
    Task,
    TaskPage,
    Upload,
    UploadIds,
    parse,
)
from pipelines.annotate.label_studio.connection import LabelStudio

MODEL_VERSION = (
    "streetloop"  # always the same: Label Studio shows the predictions of one version only
)
_PAGE = 100
_LONGEST_TITLE = 50
_IMPORT = "an import"
_EDITION = (
    "Editions other than the Community Edition import later, in the background, which is not "
    "supported."
)


class Project:
    """A project on a server.

    Attributes:
      number: its id.
    """

    def __init__(self, connection: LabelStudio, number: int) -> None:
        self._connection = connection
        self.number = number

    @property
    def url(self) -> str:
        """The page that people open."""
        return f"{self._connection.url}/projects/{self.number}/data"

    def tasks(self) -> list[Task]:
        """Return all tasks, without what was drawn in them."""
        rows: list[Task] = []
        while True:
            number = len(rows) // _PAGE + 1
            answer = self._connection.get(
                "/api/tasks", project=self.number, page=number, page_size=_PAGE
            )
            page = parse(TaskPage, answer, "the list of tasks")
            rows += page.tasks
            if len(page.tasks) < _PAGE or len(rows) >= page.total:
                return rows

    def uploads(self) -> dict[str, str]:
        """Return the uploaded files: name -> address."""
        answer = self._connection.get(self._path("file-uploads"), all="true")
        return dict(map(self._named, parse(list[Upload], answer, "the list of uploads")))

    def upload(self, name: str, data: bytes) -> str:
        """Upload an image without creating a task; return its address."""
        answer = self._connection.post(
            self._path("import"),
            files={"file": (name, data, "image/png")},
            commit_to_project="false",
        )
        ids = parse(UploadIds, answer, _IMPORT, _EDITION).file_upload_ids
        if not ids:
            raise StreetloopError(
                f"Label Studio did not accept the image {name}. Look at the server's log, and run this "
                "again."
            )
        uploaded = self._connection.get(f"/api/import/file-upload/{ids[0]}")
        return self._named(parse(Upload, uploaded, "an upload"))[1]

    def add(self, task: dict[str, Any]) -> None:
        """Add one task and its prediction: both or neither."""
        answer = self._connection.post(self._path("import"), json=[task])
        parse(Imported, answer, _IMPORT, _EDITION)

    def export(self, numbers: Iterable[int]) -> list[ExportedTask]:
        """Return these tasks with what people drew."""
        answer = self._connection.get(
            self._path("export"), exportType="JSON", **{"ids[]": sorted(numbers)}
        )
        return parse(list[ExportedTask], answer, "an export")

    def _path(self, what: str) -> str:
        return f"/api/projects/{self.number}/{what}"

    def _named(self, upload: Upload) -> tuple[str, str]:
        """Return the name of an uploaded file, and the path where browsers find it."""
        name = upload.file.rpartition("/")[2].partition("-")[2]
        return name, f"{urlsplit(self._connection.url).path}/data/{upload.file}"


def find_project(connection: LabelStudio, campaign: str) -> Project | None:
    """Return the project with the campaign's mark in its description; the oldest of several."""
    mark = _mark(campaign)
    numbers = [row.id for row in _projects(connection) if mark in (row.description or "")]
    return Project(connection, min(numbers)) if numbers else None


def open_project(connection: LabelStudio, campaign: str, name: str) -> Project:
    """Return the project of a campaign: create it if needed, and restore its labeling interface.

    Args:
      connection: to the server.
      campaign: an id that distinguishes this campaign from all others.
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
            "skip_queue": "IGNORE_SKIPPED",  # a skipped image is one that nobody can label
        }
        created = connection.post("/api/projects/", json=settings)
        return Project(connection, parse(NewProject, created, "a new project").id)
    path = f"/api/projects/{project.number}/"
    if parse(ProjectSettings, connection.get(path), "a project").label_config != config:
        connection.patch(path, {"label_config": config})
    return project


def _mark(campaign: str) -> str:
    return f"[streetloop {campaign}]"


def _projects(connection: LabelStudio) -> Iterator[ProjectRow]:
    number = 1
    while True:
        answer = connection.get(
            "/api/projects/", include="id,description", page=number, page_size=_PAGE
        )
        page = parse(ProjectPage, answer, "the list of projects")
        yield from page.results
        if not page.next:
            return
        number += 1

"""The project of a campaign on a CVAT server, found by a mark in its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from components.contracts.process.errors import StreetloopError
from pipelines.annotate.answers import Answer
from pipelines.annotate.cvat.answers import (
    Annotations,
    Frame,
    Frames,
    Job,
    LabelRow,
    Page,
    ProjectRow,
    Shape,
    Task,
    parse,
)
from pipelines.annotate.cvat.connection import Cvat
from tfds_cityscapes.labels import CLASS_NAMES, TRAIN_LABELS

T = TypeVar("T", bound=Answer)
_PAGE = 100
_LONGEST_NAME = 60
_MASK_TYPES = ("any", "mask")  # of a class, that allow masks


class Project:
    """A project on a server.

    Attributes:
      connection: to the server.
      number: its id.
      names: the classes: id -> name.
    """

    def __init__(self, connection: Cvat, number: int) -> None:
        """Read the classes of a project."""
        self.connection = connection
        self.number = number
        rows = _rows(connection, LabelRow, "/api/labels", project_id=number)
        self._labels = {row.name: row for row in rows}
        self.names = {row.id: row.name for row in rows}

    @property
    def url(self) -> str:
        """The page that people open."""
        return f"{self.connection.url}/projects/{self.number}"

    def check_labels(self) -> None:
        """Raise StreetloopError unless each of the 19 classes is there and allows masks."""
        missing = [name for name in CLASS_NAMES if name not in self._labels]
        if missing:
            raise StreetloopError(
                f"The project at {self.url} has no label {', '.join(missing)}. Add it in CVAT, with the "
                "type any; a label that was renamed needs its Cityscapes name back."
            )
        wrong = [name for name in CLASS_NAMES if self._labels[name].type not in _MASK_TYPES]
        if wrong:
            raise StreetloopError(
                f"In the project at {self.url}, no mask can have the label {', '.join(wrong)}. Set its "
                "type to any in CVAT."
            )

    def tasks(self) -> list[Task]:
        """Return all tasks, the oldest first."""
        rows = _rows(self.connection, Task, "/api/tasks", project_id=self.number)
        return sorted(rows, key=lambda task: task.id)

    def jobs(self) -> list[Job]:
        """Return all jobs, the oldest first."""
        rows = _rows(self.connection, Job, "/api/jobs", project_id=self.number)
        return sorted(rows, key=lambda job: job.id)

    def frames(self, task: int) -> Frames:
        """Return the images of a task that has some."""
        answer = self.connection.get(f"/api/tasks/{task}/data/meta")
        return parse(Frames, answer, "a task's images")

    def drawn_in_task(self, task: int) -> Annotations:
        """Return what was drawn in a task."""
        answer = self.connection.get(f"/api/tasks/{task}/annotations/")
        return parse(Annotations, answer, "a task's annotations")

    def drawn_in_job(self, job: int) -> Annotations:
        """Return what was drawn in a job."""
        answer = self.connection.get(f"/api/jobs/{job}/annotations/")
        return parse(Annotations, answer, "a job's annotations")

    def add_shapes(self, task: int, frame: int, shapes: Iterable[Mapping[str, Any]]) -> None:
        """Draw shapes, whose `label` is the name of a class, in one frame: all or none of them."""
        rows = [
            {key: value for key, value in shape.items() if key != "label"}
            | {"label_id": self._labels[shape["label"]].id, "frame": frame, "source": "auto"}
            for shape in shapes
        ]
        body = {"version": 0, "tags": [], "shapes": rows, "tracks": []}
        self.connection.patch(f"/api/tasks/{task}/annotations/", body, action="create")

    def name_of(self, shape: Shape) -> str | None:
        """Return the class of a shape, None if the project does not have it any more."""
        return self.names.get(shape.label_id)


def file_name(image_id: str) -> str:
    """Return the name under which an image is uploaded."""
    return f"{image_id}.png"


def image_id_of(frame: Frame) -> str:
    """Return the id of the image that was uploaded under a frame's name."""
    return frame.name.removesuffix(".png")


def find_project(connection: Cvat, campaign: str) -> Project | None:
    """Return the project with the campaign's mark in its name; the oldest of several."""
    rows = _rows(connection, ProjectRow, "/api/projects")
    numbers = [row.id for row in rows if _mark(campaign) in row.name]
    return Project(connection, min(numbers)) if numbers else None


def open_project(connection: Cvat, campaign: str, name: str) -> Project:
    """Return the project of a campaign; create it if needed.

    Args:
      connection: to the server.
      campaign: an id that distinguishes this campaign from all others.
      name: of the campaign.

    Raises:
      StreetloopError: the project lacks a class.
    """
    project = find_project(connection, campaign)
    if project is None:
        labels = [
            {"name": row.name, "color": "#{:02x}{:02x}{:02x}".format(*row.color), "type": "any"}
            for row in TRAIN_LABELS
        ]
        title = f"Streetloop {name}"[:_LONGEST_NAME] + f" {_mark(campaign)}"
        created = connection.post("/api/projects", json={"name": title, "labels": labels})
        project = Project(connection, parse(ProjectRow, created, "a new project").id)
    project.check_labels()
    return project


def _mark(campaign: str) -> str:
    return f"[{campaign}]"


def _rows(connection: Cvat, kind: type[T], path: str, **params: Any) -> list[T]:
    """Read every page of a list."""
    rows: list[T] = []
    what, number = f"the list of {path.rpartition('/')[2]}", 1
    while True:
        answer = connection.get(path, page=number, page_size=_PAGE, **params)
        page = parse(Page, answer, what)
        rows += (parse(kind, row, what) for row in page.results)
        if not page.next:
            return rows
        number += 1

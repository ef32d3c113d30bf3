"""What push and pull read of Label Studio's answers."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ConfigDict

from pipelines.annotate.answers import Answer, parse_answer

T = TypeVar("T")
_ADVICE = (
    "Run this again; if it happens again, use the version of Label Studio that "
    "docs/how-to/label-studio.md names."
)


class ProjectRow(Answer):
    """One project in the list of projects; the description is None if nobody wrote one."""

    id: int
    description: str | None


class ProjectPage(Answer):
    """One page of the list of projects; `next` is None on the last."""

    results: list[ProjectRow]
    next: str | None


class NewProject(Answer):
    id: int


class ProjectSettings(Answer):
    label_config: str


class Task(Answer):
    """A task of a project, without what was drawn in it."""

    id: int
    data: dict[str, Any]
    total_annotations: int
    cancelled_annotations: int

    @property
    def image_id(self) -> str | None:
        """The id of the image; None for a task that we did not create."""
        image_id = self.data.get("image_id")
        return image_id if isinstance(image_id, str) else None

    @property
    def finished(self) -> bool:
        """Whether somebody submitted an annotation, or skipped the task."""
        return self.total_annotations + self.cancelled_annotations > 0


class TaskPage(Answer):
    """One page of the list of tasks; `total` counts the tasks of all pages."""

    tasks: list[Task]
    total: int


class Upload(Answer):
    """An uploaded file: `upload/<project>/<8 digits>-<name>`."""

    file: str


class UploadIds(Answer):
    file_upload_ids: list[int]


class Imported(Answer):
    task_count: int


class Annotation(Answer):
    """What one person drew in a task, without what changes from one export to the next.

    Ingestion checks the untyped values: it rejects one annotation rather than all of them.
    `comment`: why somebody skipped the task; not every server sends it.
    """

    id: int
    completed_by: Any
    result: Any
    was_cancelled: bool
    created_at: Any
    updated_at: Any
    comment: Any = None


class TaskData(Answer):
    """The data that push gave a task, and whatever else it has."""

    model_config = ConfigDict(extra="allow")

    image_id: str
    regions: str | None = None


class ExportedTask(Answer):
    """A task with what people drew. It stays equal as long as nobody changes the annotations."""

    id: int
    data: TaskData
    annotations: list[Annotation]

    def to_json(self) -> dict[str, Any]:
        """Return what ingestion reads."""
        return self.model_dump(exclude_defaults=True)


def parse(kind: type[T], answer: Any, what: str, advice: str = _ADVICE) -> T:
    """Return an answer as `kind`; raise as `parse_answer` does."""
    return parse_answer(kind, answer, f"Label Studio's answer to {what}", advice)

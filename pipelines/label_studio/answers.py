"""What push and pull read of Label Studio's answers; an unexpected answer is an error that explains it."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from components.contracts.annotation.fields import quote
from components.contracts.process.errors import StreetloopError

T = TypeVar("T")
_KINDS = {
    "model_type": "an object",
    "dict_type": "an object",
    "list_type": "a list",
    "string_type": "a text",
    "int_type": "a number",
    "bool_type": "true or false",
}
_ADVICE = (
    "Run this again; if it happens again, use the version of Label Studio that "
    "docs/how-to/label-studio.md names."
)


class Answer(BaseModel):
    """An answer, or a part of one. Keys that are not named here are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)


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


class ExportedTask(Answer):
    """A task with what people drew. It stays equal as long as nobody changes the annotations."""

    id: int
    data: TaskData
    annotations: list[Annotation]

    def to_json(self) -> dict[str, Any]:
        """Return what ingestion reads."""
        return self.model_dump(exclude_defaults=True)


def parse(kind: type[T], answer: Any, what: str, advice: str = _ADVICE) -> T:
    """Return an answer as `kind`.

    Args:
      kind: an `Answer`, or a list of them.
      answer: JSON.
      what: the name of the answer, for the error.
      advice: why the answer may differ, and what to do.

    Raises:
      StreetloopError: the answer has another shape.
    """
    try:
        return TypeAdapter(kind).validate_python(answer)
    except ValidationError as invalid:
        error = invalid.errors()[0]
    key = ".".join(part for part in error["loc"] if isinstance(part, str))
    if error["type"] == "missing":
        problem = f"has no {key}"
    else:
        expected = _KINDS.get(error["type"], error["msg"])
        came = quote(error["input"])
        problem = f"has {came} as {key}" if key else f"is {came}"
        problem += f"; expected {expected}"
    raise StreetloopError(f"Label Studio's answer to {what} {problem}. {advice}")

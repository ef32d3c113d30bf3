"""What push and pull read of CVAT's answers."""

from __future__ import annotations

from typing import Any, TypeVar

from pipelines.annotate.answers import Answer, parse_answer

T = TypeVar("T")
_ADVICE = (
    "Run this again; if it happens again, use the version of CVAT that docs/how-to/cvat.md names."
)


class Page(Answer):
    """One page of a list; `next` is None on the last."""

    results: list[Any]
    next: str | None


class ProjectRow(Answer):
    id: int
    name: str


class LabelRow(Answer):
    """A class of a project; `type` is the kind of shape that it allows."""

    id: int
    name: str
    type: str


class Task(Answer):
    """A task; without data, its size is 0 or left out."""

    id: int
    name: str
    size: int | None = None


class UploadId(Answer):
    """The id of the request that creates the frames of a task in the background."""

    rq_id: str


class Request(Answer):
    """Work that CVAT does in the background: queued, started, failed or finished."""

    id: str
    status: str
    message: str = ""


class Frame(Answer):
    """An image of a task; `name` is that of the uploaded file."""

    name: str
    width: int
    height: int


class Frames(Answer):
    """The images of a task in the order of their numbers, and the numbers of the deleted ones."""

    frames: list[Frame]
    deleted_frames: list[int]


class User(Answer):
    username: str


class Job(Answer):
    """A part of a task that one person labels.

    Attributes:
      stage: annotation, validation or acceptance.
      state: new, in progress, completed or rejected, in its stage.
      type: annotation, ground_truth (CVAT's own control of quality) or replica (its consensus).
      start_frame, stop_frame: the numbers of its first and last frame in the task.
    """

    id: int
    task_id: int
    stage: str
    state: str
    type: str = "annotation"
    start_frame: int
    stop_frame: int
    assignee: User | None
    updated_date: str

    @property
    def finished(self) -> bool:
        """Whether its annotations may be used: completed, or accepted by a reviewer."""
        accepted = self.stage == "acceptance" and self.state != "rejected"
        return self.type == "annotation" and (self.state == "completed" or accepted)


class Shape(Answer):
    """A shape; ingestion checks the untyped values, to reject one image rather than all."""

    type: Any
    frame: int
    label_id: int
    points: Any
    rotation: Any = 0.0
    z_order: Any = 0


class Annotations(Answer):
    """What was drawn in a job, or in a task."""

    shapes: list[Shape]
    tracks: list[Any]


def parse(kind: type[T], answer: Any, what: str) -> T:
    """Return an answer as `kind`; raise as `parse_answer` does."""
    return parse_answer(kind, answer, f"CVAT's answer to {what}", _ADVICE)

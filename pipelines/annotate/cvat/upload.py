"""Create a task with its images, in several requests; finish or remove one that was cut off.

Until all of its images and predictions are there, the name of a task says that it is not finished. CVAT
would append a file that is sent twice to itself, so that a task whose upload was cut off is of no use:
it has no frames and hence nothing that anybody drew, and is deleted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from urllib.parse import quote

from components.contracts.process.errors import StreetloopError
from pipelines.annotate.cvat.answers import Page, Request, Task, UploadId, parse
from pipelines.annotate.cvat.project import Project

_UNFINISHED = " (push not finished)"
_QUALITY = (
    100  # of the copies that people see, in percent; CVAT's own default, 70, blurs thin objects
)
_FIRST_WAIT, _LONGEST_WAIT, _PATIENCE = 0.1, 5.0, 1800.0  # seconds


def is_unfinished(task: Task) -> bool:
    """Return whether a push was cut off before it finished this task."""
    return task.name.endswith(_UNFINISHED)


def create_task(project: Project, name: str, job_size: int) -> int:
    """Create a task without images, and return its id.

    Args:
      project: that it belongs to.
      name: of the task.
      job_size: how many images one job has.
    """
    settings = {
        "name": name + _UNFINISHED,
        "project_id": project.number,
        "segment_size": job_size,
        "overlap": 0,
    }
    created = project.connection.post("/api/tasks", json=settings)
    return parse(Task, created, "a new task").id


def upload_images(project: Project, task: int, images: Iterable[tuple[str, bytes]]) -> None:
    """Upload the images of a task, and wait until CVAT has made its frames of them.

    Args:
      project: of the task.
      task: that has none so far.
      images: names and contents, in the order in which people see them.

    Raises:
      StreetloopError: CVAT rejects one of them, or does not get ready.
    """
    connection, path = project.connection, f"/api/tasks/{task}/data/"
    connection.upload(path, "Start")
    names = []
    for name, content in images:
        names.append(name)
        connection.upload(
            path,
            "Multiple",
            data={"image_quality": str(_QUALITY)},
            files={"client_files[0]": (name, content, "image/png")},
        )
    how = {
        "image_quality": _QUALITY,
        "use_cache": True,
        "sorting_method": "predefined",
        "upload_file_order": names,
    }
    answer = connection.upload(path, "Finish", json=how)
    _wait(project, parse(UploadId, answer, "an upload").rq_id)


def recover(project: Project, task: Task) -> bool:
    """Make the best of a task that a push did not finish: return whether it has its images.

    If CVAT still works on them, wait; if there are none, delete the task.
    """
    if task.size:
        return True
    connection = project.connection
    answer = connection.get("/api/requests", task_id=task.id, action="create", page_size=100)
    what = "the list of requests"
    requests = [parse(Request, row, what) for row in parse(Page, answer, what).results]
    working = [request.id for request in requests if request.status in ("queued", "started")]
    for request in working:
        _wait(project, request)
    path = f"/api/tasks/{task.id}"
    if parse(Task, connection.get(path), "a task").size:
        return True
    connection.delete(path)
    return False


def finish_task(project: Project, task: int, name: str) -> str:
    """Take the mark off the name of a task, and return the name."""
    finished = name.removesuffix(_UNFINISHED)
    project.connection.patch(f"/api/tasks/{task}", {"name": finished})
    return finished


def _wait(project: Project, request: str) -> None:
    """Wait until CVAT has done what a request asked for; StreetloopError if it fails."""
    pause, end = _FIRST_WAIT, time.monotonic() + _PATIENCE
    while True:
        answer = project.connection.get(f"/api/requests/{quote(request, safe='')}")
        found = parse(Request, answer, "a request")
        if found.status == "finished":
            return
        if found.status == "failed":
            reason = project.connection.printable(found.message) or "it gave no reason"
            raise StreetloopError(
                f"CVAT could not create a task of the images: {reason}. Look at the server's log, and "
                "run this again: it starts over with these images."
            )
        if time.monotonic() > end:
            raise StreetloopError(
                f"CVAT has not created a task of the images in {_PATIENCE / 60:.0f} minutes. Check that "
                "its workers run, and run this again to continue."
            )
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_WAIT)

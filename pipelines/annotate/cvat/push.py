"""The images that a campaign waits for become tasks in CVAT."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from components.contracts.annotation import png_mask
from components.contracts.annotation.cvat_jobs import shapes_of
from components.contracts.annotation.limits import Budget, Limits
from components.contracts.storage.base import Storage
from pipelines.annotate.cvat.connection import Cvat
from pipelines.annotate.cvat.project import Project, file_name, image_id_of, open_project
from pipelines.annotate.cvat.upload import (
    create_task,
    finish_task,
    is_unfinished,
    recover,
    upload_images,
)
from pipelines.annotate.tasks import (
    Pushed,
    Tracked,
    Waiting,
    identity,
    is_there,
    read,
    task_name,
    waiting_images,
)
from pipelines.options import open_campaign


def push(root: str, connection: Cvat, track: Tracked[str] = list, job_size: int = 1) -> Pushed:
    """Create tasks, with images and predictions, for the images that wait for a label.

    Args:
      root: the campaign root.
      connection: to CVAT.
      track: wraps the lists of images, to show progress.
      job_size: how many images a job has, which one person labels and finishes.

    Raises:
      StreetloopError: there is no campaign, no image waits, or the server reports an error.
    """
    ledger = open_campaign(root)
    state = ledger.state()
    waiting = waiting_images(root, ledger, state)
    project = open_project(connection, identity(ledger), state.name)
    existing: defaultdict[str, set[str]] = defaultdict(set)
    for task in project.tasks():
        name = task.name
        if is_unfinished(task) and recover(project, task):
            _predict(ledger.storage, project, task.id, waiting, track)
            name = finish_task(project, task.id, task.name)
        elif not task.size:
            continue
        for frame in project.frames(task.id).frames:
            existing[image_id_of(frame)].add(name)
    missing: defaultdict[int, list[str]] = defaultdict(list)
    for image_id in waiting:
        if not is_there(state, image_id, existing):
            missing[state.asked[image_id]].append(image_id)
    for cycle, image_ids in missing.items():
        name = task_name(cycle)
        number = create_task(project, name, job_size)
        upload_images(project, number, _images(ledger.storage, waiting, track(image_ids)))
        _predict(ledger.storage, project, number, waiting, track)
        finish_task(project, number, name)
    added = sum(map(len, missing.values()))
    return Pushed(added, len(waiting) - added, project.url)


def _images(
    storage: Storage, waiting: Mapping[str, Waiting], image_ids: Iterable[str]
) -> Iterable[tuple[str, bytes]]:
    for image_id in image_ids:
        item = waiting[image_id]
        name = f"{item.folder}/{item.task['data']['image']}"
        yield file_name(image_id), read(storage, name)


def _predict(
    storage: Storage,
    project: Project,
    task: int,
    waiting: Mapping[str, Waiting],
    track: Tracked[str],
) -> None:
    """Draw the predictions of a task's images, except where something is drawn already."""
    frames = map(image_id_of, project.frames(task).frames)
    numbers = {image_id: number for number, image_id in enumerate(frames)}
    drawn = {shape.frame for shape in project.drawn_in_task(task).shapes}
    for image_id in track([i for i, n in numbers.items() if n not in drawn and i in waiting]):
        item = waiting[image_id]
        if "predictions" in item.task:
            name = png_mask.file_name(image_id)
            data = read(storage, f"{item.folder}/predictions/{name}")
            train_ids = png_mask.read_pixels(name, data, Budget(Limits()), "train_ids")
            if shapes := shapes_of(train_ids):
                project.add_shapes(task, numbers[image_id], shapes)

"""The images of finished jobs in CVAT go to the campaign's inbox."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from components.contracts.annotation.cvat_jobs import FRAMES
from components.contracts.annotation.fields import UNKNOWN_ANNOTATOR, timestamp
from components.contracts.ledger.state import State
from pipelines.annotate.cvat.answers import Annotations, Frame, Job
from pipelines.annotate.cvat.connection import TOOL, Cvat
from pipelines.annotate.cvat.project import Project, find_project, image_id_of
from pipelines.annotate.tasks import (
    BATCH,
    Pulled,
    Tracked,
    asks_now,
    hand_in,
    identity,
    is_news,
    is_there,
    no_project,
    task_name,
)
from pipelines.options import open_campaign


class Finished(NamedTuple):
    """An image of a finished job.

    Attributes:
      job: the job.
      number: of the frame in its task.
      frame: the image.
      deleted: whether somebody took the frame out, because nobody can label it.
      task: the name of its task.
    """

    job: Job
    number: int
    frame: Frame
    deleted: bool
    task: str

    @property
    def image_id(self) -> str:
        """The id of the image."""
        return image_id_of(self.frame)

    @property
    def annotator(self) -> str:
        """The user to whom the job is assigned: CVAT does not say who drew a shape."""
        return self.job.assignee.username if self.job.assignee else UNKNOWN_ANNOTATOR


def pull(root: str, connection: Cvat, track: Tracked[list[Finished]] = list) -> Pulled:
    """Put every image of a finished job that the ledger does not know yet into the inbox.

    Args:
      root: the campaign root.
      connection: to CVAT.
      track: wraps the list of batches, to show progress.

    Raises:
      StreetloopError: there is no campaign, it has no project on this server, or the
        project lacks a class.
    """
    ledger = open_campaign(root)
    state = ledger.state()
    project = find_project(connection, identity(ledger))
    if project is None:
        raise no_project(state.name, connection.url, TOOL.option)
    project.check_labels()
    finished, existing = _finished(project)
    ours = [item for item in finished if item.image_id in state.asked]
    news = [item for item in ours if _is_news(state, item)]
    files, handed_in = [], list[Finished]()
    for batch in track([news[at : at + BATCH] for at in range(0, len(news), BATCH)]):
        name = f"cvat_{project.number}_{batch[0].job.id}_{batch[0].number}.json"
        data = json.dumps({FRAMES: _frames(project, batch)}).encode()
        if file := hand_in(ledger, state, name, data):
            files.append(file)
            handed_in += batch
    skipped = sum(item.deleted for item in handed_in)
    missing = [
        i for i in state.outstanding if i in state.asked and not is_there(state, i, existing)
    ]
    foreign = len(finished) - len(ours)
    return Pulled(len(handed_in) - skipped, skipped, foreign, tuple(files), len(missing))


def _finished(project: Project) -> tuple[list[Finished], dict[str, set[str]]]:
    """Return the images of finished jobs, and the names of the tasks of every image in the project."""
    names = {task.id: task.name for task in project.tasks() if task.size}
    metas = {number: project.frames(number) for number in names}
    existing: defaultdict[str, set[str]] = defaultdict(set)
    for task, frames in metas.items():
        for frame in frames.frames:
            existing[image_id_of(frame)].add(names[task])
    finished = [
        Finished(
            *(job, number, meta.frames[number], number in meta.deleted_frames, names[job.task_id])
        )
        for job in project.jobs()
        if job.finished and (meta := metas.get(job.task_id)) is not None
        for number in range(job.start_frame, min(job.stop_frame + 1, len(meta.frames)))
    ]
    return finished, existing


def _is_news(state: State, item: Finished) -> bool:
    drawn = [] if item.deleted else [(item.annotator, timestamp(item.job.updated_date))]
    asked = asks_now(
        state, item.image_id, lambda tiles: item.task == task_name(state.asked[item.image_id])
    )
    return is_news(state, item.image_id, drawn, asked)


def _frames(project: Project, batch: Iterable[Finished]) -> list[dict[str, Any]]:
    """Return images with what was drawn in them, as ingestion reads them."""
    drawn: dict[int, Annotations] = {}
    frames = []
    for item in batch:
        job, frame = item.job, item.frame
        if job.id not in drawn:
            drawn[job.id] = project.drawn_in_job(job.id)
        shapes = [
            {"type": s.type, "label": project.name_of(s), "points": s.points}
            | {"rotation": s.rotation, "z_order": s.z_order}
            for s in drawn[job.id].shapes
            if s.frame == item.number
        ]
        frames.append(
            {
                "name": frame.name,
                "width": frame.width,
                "height": frame.height,
                "job": job.id,
                "annotator": item.annotator,
                "updated": job.updated_date,
                "deleted": item.deleted,
                "tracks": len(drawn[job.id].tracks),
                "shapes": [] if item.deleted else shapes,
            }
        )
    return frames

"""Push: the images that a campaign waits for become tasks. Pull: finished tasks go to its inbox.

Neither keeps notes of its own. The server and the ledger say what is left to do, so both can be
killed at any point and run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from components.contracts.annotation.fields import timestamp
from components.contracts.ledger.inbox import put
from components.contracts.ledger.layout import query_folder
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import LabelVersion, State
from components.contracts.process.errors import StreetloopError
from components.contracts.storage.base import Storage
from pipelines.label_studio.answers import Annotation, ExportedTask
from pipelines.label_studio.connection import Connection
from pipelines.label_studio.project import MODEL_VERSION, find_project, open_project
from pipelines.options import open_campaign

_BATCH = 25  # tasks per file of the inbox: far below its limit, even for noisy masks at full size

T = TypeVar("T")
Tracked = Callable[[list[T]], Iterable[T]]


@dataclass(frozen=True)
class Pushed:
    """The result of a push: tasks added, tasks that existed, and the page that people open."""

    added: int
    kept: int
    url: str


@dataclass(frozen=True)
class Pulled:
    """The result of a pull.

    Attributes:
      annotated, skipped: finished tasks that were fetched.
      foreign: finished tasks of images that this campaign never asked for; left out.
      files: their names in the campaign root.
    """

    annotated: int
    skipped: int
    foreign: int
    files: tuple[str, ...]


def push(root: str, connection: Connection, track: Tracked[str] = list) -> Pushed:
    """Create a task, with image and prediction, for every image that waits for a label.

    Args:
      root: the campaign root.
      connection: to Label Studio.
      track: wraps the list of images, to show progress.

    Raises:
      StreetloopError: there is no campaign, no image waits, or the server reports an error.
    """
    ledger = open_campaign(root)
    state = ledger.state()
    waiting = _tasks(ledger.storage, state)
    if not waiting:
        raise StreetloopError(f"No image in {root} waits for a label. Run a cycle first.")
    project = open_project(connection, _identity(ledger), state.name)
    existing = {task.image_id for task in project.tasks()}
    missing = [image_id for image_id in waiting if image_id not in existing]
    uploads = project.uploads() if missing else {}
    for image_id in track(missing):
        folder, task = waiting[image_id]
        image = _read(ledger.storage, f"{folder}/{task['data']['image']}")
        name = f"{hashlib.sha256(image).hexdigest()[:32]}.png"
        url = uploads.get(name) or project.upload(name, image)
        predictions = [p | {"model_version": MODEL_VERSION} for p in task.get("predictions", ())]
        project.add({"data": task["data"] | {"image": url}, "predictions": predictions})
    return Pushed(len(missing), len(waiting) - len(missing), project.url)


def pull(root: str, connection: Connection, track: Tracked[list[int]] = list) -> Pulled:
    """Put every annotated or skipped task that the ledger does not know yet into the inbox.

    Args:
      root: the campaign root.
      connection: to Label Studio.
      track: wraps the list of batches, to show progress.

    Raises:
      StreetloopError: there is no campaign, or it has no project on this server.
    """
    ledger = open_campaign(root)
    state = ledger.state()
    project = find_project(connection, _identity(ledger))
    if project is None:
        raise StreetloopError(
            f"The campaign {state.name!r} has no project at {connection.url} that this token may see. "
            "Run `streetloop annotate push` first."
        )
    finished = [task for task in project.tasks() if task.finished]
    ours = [task.id for task in finished if task.image_id in state.asked]
    files, annotated, skipped = [], 0, 0
    for numbers in track([ours[at : at + _BATCH] for at in range(0, len(ours), _BATCH)]):
        news = [task for task in project.export(numbers) if _is_news(state, task)]
        if news:
            name = f"label_studio_{project.number}_{news[0].id}.json"
            data = json.dumps([task.to_json() for task in news]).encode()
            files.append(put(ledger.storage, name, data))
        drawn = sum(any(not a.was_cancelled for a in task.annotations) for task in news)
        annotated, skipped = annotated + drawn, skipped + len(news) - drawn
    return Pulled(annotated, skipped, len(finished) - len(ours), tuple(files))


def _identity(ledger: Ledger) -> str:
    """Return the id of a campaign's first event, which no other campaign of the same name has."""
    return ledger.events()[0].event_id


def _tasks(storage: Storage, state: State) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the images that wait for labels: image id -> folder and task, as the query wrote them.

    Older queries come first; within a query, the image with the highest score.
    """
    cycles = sorted({state.asked[i] for i in state.outstanding if i in state.asked})
    tasks = {}
    for cycle in cycles:
        folder = query_folder(cycle)
        for task in json.loads(_read(storage, f"{folder}/label_studio.json")):
            image_id = task["data"]["image_id"]
            if image_id in state.outstanding and state.asked[image_id] == cycle:
                tasks[image_id] = (folder, task)
    return tasks


def _read(storage: Storage, name: str) -> bytes:
    try:
        return storage.read(name)
    except FileNotFoundError as error:
        raise StreetloopError(
            f"File of the query not found: {storage.uri}/{name}. Restore it from a backup."
        ) from error


def _is_news(state: State, task: ExportedTask) -> bool:
    """Return whether the ledger can learn from a task: its image waits, or it changed since."""
    image_id = task.data.image_id
    if image_id in state.outstanding:
        return True
    versions = state.labels.get(image_id, ())
    return any(not a.was_cancelled and not _is_known(versions, a) for a in task.annotations)


def _is_known(versions: tuple[LabelVersion, ...], annotation: Annotation) -> bool:
    who, at = str(annotation.completed_by), timestamp(annotation.updated_at)
    return any(v.annotator == who and at is not None and v.at >= at for v in versions)

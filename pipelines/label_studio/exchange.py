"""Push: the images that a campaign waits for become tasks. Pull: finished tasks go to its inbox.

Neither keeps a note of its own. What is on the server and in the ledger says what is left to do, so
both can be killed anywhere and run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from components.contracts.ledger.inbox import put
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.process.errors import StreetloopError
from components.contracts.storage.base import Storage
from pipelines.label_studio.connection import Connection
from pipelines.label_studio.exported import is_news, trimmed
from pipelines.label_studio.project import MODEL_VERSION, find_project, open_project
from pipelines.options import open_campaign

_BATCH = 25  # tasks in a file of the inbox: far below its limit, even for noisy masks at full size

T = TypeVar("T")
Tracked = Callable[[list[T]], Iterable[T]]


@dataclass(frozen=True)
class Pushed:
    """What a push did: tasks added, tasks that were there, and the page that people open."""

    added: int
    kept: int
    url: str


@dataclass(frozen=True)
class Pulled:
    """What a pull did.

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
    """Makes a task, with image and prediction, of every image that waits for a label.

    Args:
      root: the campaign root.
      connection: to Label Studio.
      track: wraps the list of images, to show progress.

    Raises:
      StreetloopError: no campaign, nothing asked, or the server refuses something.
    """
    ledger = open_campaign(root)
    state = ledger.state()
    wanted = _tasks(ledger, state)
    if not wanted:
        raise StreetloopError(
            f"Expected images in {root} that wait for labels; none does. Run a cycle: its query asks."
        )
    project = open_project(connection, _identity(ledger), state.name)
    there = {task.image_id for task in project.tasks()}
    missing = [image_id for image_id in wanted if image_id not in there]
    uploads = project.uploads() if missing else {}
    for image_id in track(missing):
        folder, task = wanted[image_id]
        image = _read(ledger.storage, f"{folder}/{task['data']['image']}")
        name = f"{hashlib.sha256(image).hexdigest()[:32]}.png"
        url = uploads.get(name) or project.upload(name, image)
        predictions = [p | {"model_version": MODEL_VERSION} for p in task.get("predictions", ())]
        project.add({"data": task["data"] | {"image": url}, "predictions": predictions})
    return Pushed(len(missing), len(wanted) - len(missing), project.url)


def pull(root: str, connection: Connection, track: Tracked[list[int]] = list) -> Pulled:
    """Puts every annotated or skipped task that the ledger does not know yet into the inbox.

    Args:
      root: the campaign root.
      connection: to Label Studio.
      track: wraps the list of batches, to show progress.

    Raises:
      StreetloopError: no campaign, or no project of it on this server.
    """
    ledger = open_campaign(root)
    state = ledger.state()
    project = find_project(connection, _identity(ledger))
    if project is None:
        raise StreetloopError(
            f"Expected a project of the campaign {state.name!r} at {connection.url}; there is none "
            "that this token may see. Run `streetloop annotate push` first."
        )
    asked = _asked(ledger)
    finished = [task for task in project.tasks() if task.finished]
    ours = [task.number for task in finished if task.image_id in asked]
    files, annotated, skipped = [], 0, 0
    for numbers in track([ours[at : at + _BATCH] for at in range(0, len(ours), _BATCH)]):
        tasks = [trimmed(task) for task in project.export(numbers)]
        news = [task for task in tasks if is_news(state, task)]
        if news:
            name = f"label_studio_{project.number}_{news[0]['id']}.json"
            files.append(put(ledger.storage, name, json.dumps(news).encode()))
        drawn = sum(any(not a["was_cancelled"] for a in task["annotations"]) for task in news)
        annotated, skipped = annotated + drawn, skipped + len(news) - drawn
    return Pulled(annotated, skipped, len(finished) - len(ours), tuple(files))


def _identity(ledger: Ledger) -> str:
    """What tells a campaign from another of the same name: the id of its first event."""
    return ledger.events()[0].event_id


def _asked(ledger: Ledger) -> dict[str, int]:
    """Every image that a query asked for -> the last cycle that did."""
    return {
        item.image_id: event.payload.cycle
        for event in ledger.events()
        if event.kind == "query"
        for item in event.payload.items
    }


def _tasks(ledger: Ledger, state: State) -> dict[str, tuple[str, dict[str, Any]]]:
    """What waits for labels: image id -> its folder and its task, as the query wrote it.

    Older queries first, and in a query the most wanted image first.
    """
    asked = _asked(ledger)
    cycles = sorted({asked[i] for i in state.outstanding if i in asked})
    found = {}
    for cycle in cycles:
        folder = f"queries/{cycle}"
        for task in json.loads(_read(ledger.storage, f"{folder}/label_studio.json")):
            image_id = task["data"]["image_id"]
            if image_id in state.outstanding and asked[image_id] == cycle:
                found[image_id] = (folder, task)
    return found


def _read(storage: Storage, name: str) -> bytes:
    try:
        return storage.read(name)
    except FileNotFoundError as error:
        raise StreetloopError(
            f"Expected {storage.uri}/{name}, which the query wrote; it is gone. Restore it from a "
            "backup."
        ) from error

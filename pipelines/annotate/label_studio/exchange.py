"""Push: the images that a campaign waits for become tasks. Pull: finished tasks go to its inbox."""

from __future__ import annotations

import hashlib
import json

from components.contracts.annotation.fields import timestamp
from components.contracts.ledger.state import State
from components.contracts.regions.tiles import Tiles, parse_parts
from pipelines.annotate.label_studio.answers import ExportedTask
from pipelines.annotate.label_studio.connection import TOOL, LabelStudio
from pipelines.annotate.label_studio.project import MODEL_VERSION, find_project, open_project
from pipelines.annotate.tasks import (
    BATCH,
    Pulled,
    Pushed,
    Tracked,
    asks_now,
    hand_in,
    identity,
    is_news,
    no_project,
    read,
    waiting_images,
)
from pipelines.options import open_campaign


def push(root: str, connection: LabelStudio, track: Tracked[str] = list) -> Pushed:
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
    waiting = waiting_images(root, ledger, state)
    project = open_project(connection, identity(ledger), state.name)
    existing = {(task.image_id, task.data.get("regions")) for task in project.tasks()}
    missing = [i for i, item in waiting.items() if (i, item.regions) not in existing]
    uploads = project.uploads() if missing else {}
    for image_id in track(missing):
        folder, task = waiting[image_id].folder, waiting[image_id].task
        image = read(ledger.storage, f"{folder}/{task['data']['image']}")
        name = f"{hashlib.sha256(image).hexdigest()[:32]}.png"
        url = uploads.get(name) or project.upload(name, image)
        predictions = [p | {"model_version": MODEL_VERSION} for p in task.get("predictions", ())]
        project.add({"data": task["data"] | {"image": url}, "predictions": predictions})
    return Pushed(len(missing), len(waiting) - len(missing), project.url)


def pull(root: str, connection: LabelStudio, track: Tracked[list[int]] = list) -> Pulled:
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
    project = find_project(connection, identity(ledger))
    if project is None:
        raise no_project(state.name, connection.url, TOOL.option)
    finished = [task for task in project.tasks() if task.finished]
    ours = [task.id for task in finished if task.image_id in state.asked]
    files, annotated, skipped = [], 0, 0
    for numbers in track([ours[at : at + BATCH] for at in range(0, len(ours), BATCH)]):
        news = [task for task in project.export(numbers) if _is_news(state, task)]
        if not news:
            continue
        name = f"label_studio_{project.number}_{news[0].id}.json"
        data = json.dumps([task.to_json() for task in news]).encode()
        if (file := hand_in(ledger, state, name, data)) is None:
            continue
        files.append(file)
        drawn = sum(any(not a.was_cancelled for a in task.annotations) for task in news)
        annotated, skipped = annotated + drawn, skipped + len(news) - drawn
    return Pulled(annotated, skipped, len(finished) - len(ours), tuple(files))


def _is_news(state: State, task: ExportedTask) -> bool:
    drawn = [a for a in task.annotations if not a.was_cancelled]
    regions = parse_parts(task.data.regions)

    def is_for(tiles: Tiles) -> bool:  # some of the task's regions may be answered already
        return bool(regions) and tiles == tiles.within(*regions)

    return is_news(
        state,
        task.data.image_id,
        ((str(a.completed_by), timestamp(a.updated_at)) for a in drawn),
        asks_now(state, task.data.image_id, is_for),
    )

"""What is exchanged with every annotation tool: the images that wait, and what the ledger knows of them.

Push and pull keep no notes of their own. The server and the ledger say what is left to do, so both can
be killed at any point and run again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from components.contracts.ledger.inbox import put
from components.contracts.ledger.layout import query_folder
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import State
from components.contracts.process.errors import StreetloopError
from components.contracts.regions.tiles import Tiles
from components.contracts.storage.base import Storage
from components.feedback.news import identity_of, last_event

BATCH = 25  # images per file of the inbox: far below its limit, even for noisy masks at full size

T = TypeVar("T")
Tracked = Callable[[list[T]], Iterable[T]]


@dataclass(frozen=True)
class Pushed:
    """The result of a push: images added, images that existed, and the page that people open."""

    added: int
    kept: int
    url: str


@dataclass(frozen=True)
class Pulled:
    """The result of a pull.

    Attributes:
      annotated, skipped: finished images that were fetched.
      foreign: finished images that this campaign never asked for; left out.
      files: their names in the campaign root.
      missing: images that wait for a label and are not on the server.
    """

    annotated: int
    skipped: int
    foreign: int
    files: tuple[str, ...]
    missing: int = 0


@dataclass(frozen=True)
class Waiting:
    """An image that waits for a label.

    Attributes:
      folder: of its query, in the campaign root.
      task: as the query wrote it for Label Studio.
    """

    folder: str
    task: dict[str, Any]

    @property
    def regions(self) -> str | None:
        """The regions to label, as the task names them; None for the whole image."""
        regions: str | None = self.task["data"].get("regions")
        return regions


def identity(ledger: Ledger) -> str:
    """Return the id of a campaign's first event, which no other campaign of the same name has."""
    return ledger.events()[0].event_id


def waiting_images(root: str, ledger: Ledger, state: State) -> dict[str, Waiting]:
    """Return the images that wait for labels by their ids; StreetloopError if there are none.

    Older queries come first; within a query, the image with the highest score.
    """
    waiting = {}
    for cycle in state.asking_cycles:
        folder = query_folder(cycle)
        for task in json.loads(read(ledger.storage, f"{folder}/label_studio.json")):
            image_id = task["data"]["image_id"]
            if image_id in state.outstanding and state.asked[image_id] == cycle:
                waiting[image_id] = Waiting(folder, task)
    if not waiting:
        raise StreetloopError(f"No image in {root} waits for a label. Run a cycle first.")
    return waiting


def task_name(cycle: int) -> str:
    """Return what a tool calls the images that a cycle asks for."""
    return f"Cycle {cycle}"


def read(storage: Storage, name: str) -> bytes:
    """Return a file of a query; StreetloopError if it is lost."""
    try:
        return storage.read(name)
    except FileNotFoundError as error:
        raise StreetloopError(
            f"File of the query not found: {storage.uri}/{name}. Restore it from a backup."
        ) from error


def asks_now(state: State, image_id: str, is_for: Callable[[Tiles], bool]) -> bool:
    """Return whether a task asks what its image waits for: other regions of it had tasks of their own.

    Args:
      state: of the ledger.
      image_id: the image of the task.
      is_for: whether the task is that of these regions.
    """
    request = state.outstanding.get(image_id)
    return request is not None and (request.tiles is None or is_for(request.tiles))


def is_there(state: State, image_id: str, existing: Mapping[str, Collection[str]]) -> bool:
    """Return whether what an image waits for is on the server: earlier cycles may have asked for other regions.

    Args:
      state: of the ledger.
      image_id: an image that a query has asked for, and that waits.
      existing: the names of the tasks in which an image is, by its id.
    """
    names = existing.get(image_id, ())
    if state.outstanding[image_id].tiles is None:
        return bool(names)
    return task_name(state.asked[image_id]) in names


def is_news(
    state: State, image_id: str, drawn: Iterable[tuple[str, str | None]], asked: bool
) -> bool:
    """Return whether the ledger can learn from a finished image: it waits, or changed since.

    Args:
      state: of the ledger.
      image_id: the image.
      drawn: of each annotation, who made it and when it was last changed, if that is known.
      asked: of `asks_now`.
    """
    if asked:
        return True
    versions = state.answers(image_id)
    return any(
        not any(v.annotator == who and at is not None and v.at >= at for v in versions)
        for who, at in drawn
    )


def hand_in(ledger: Ledger, state: State, name: str, data: bytes) -> str | None:
    """Put a file of answers into the inbox; return where it is, or None if it was taken in before.

    A server may call an answer changed though nobody has drawn anything, as after a review.
    """
    _, last = last_event(ledger, state, f"labels/{identity_of(name, '', data)}")
    if last is not None and not last.payload.refused:
        return None
    return put(ledger.storage, name, data)


def no_project(name: str, url: str, option: str) -> StreetloopError:
    """Return the error of a pull from a server on which the campaign has no project."""
    return StreetloopError(
        f"The campaign {name!r} has no project at {url} that this account may see. Run `streetloop "
        f"annotate push` with {option} first."
    )

"""The ledger's events: one model per kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from components.contracts.ledger.layout import LEDGER, event_name, label_blob
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.base import Settings
from components.contracts.regions.tiles import Tiles
from tfds_cityscapes.names import MOST_CHARACTERS

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# One path part: labels/<image_id>/ is a folder.
ImageId = Annotated[
    str, Field(pattern=r"^[^./\\\x00-\x1f][^/\\\x00-\x1f]*$", max_length=MOST_CHARACTERS)
]
Cycle = Annotated[int, Field(ge=1)]
# Parts that an event holds by the thousand are slotted dataclasses: they read twice as fast as models.
ITEM = ConfigDict(extra="forbid", strict=True)
Finite = Annotated[float, Field(allow_inf_nan=False)]


class LedgerError(StreetloopError):
    """The ledger rejects an event, or is damaged."""


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


def to_iso(at: datetime) -> str:
    """Return an aware time as UTC ISO text, such as `2025-01-31T12:00:00.000000+00:00`.

    Raises:
        ValueError: the time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"Expected a time with a zone, got {at!r}.")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _check_time(text: object) -> object:
    if isinstance(text, str) and datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("expected a UTC time with its zone")
    return text


Time = Annotated[str, BeforeValidator(_check_time)]


class CampaignCreated(Settings):
    """The first event. `protected` (any names) holds the values that may never change."""

    name: str = Field(min_length=1)
    recipe: dict[str, Any]
    protected: dict[str, Any]


class Seed(Settings):
    """The images that the campaign asks for first."""

    image_ids: list[ImageId]


@dataclass(frozen=True, slots=True)
class QueryItem:
    """One requested image. Higher score: ask first (None: a seed image). Cost: in images.

    `tiles`: the regions that are asked for; None for the whole image.
    """

    __pydantic_config__ = ITEM

    image_id: ImageId
    score: Finite | None
    reason: str
    cost: Finite
    tiles: Tiles | None = None


class Query(Settings):
    """The images that a cycle asks for; `model` (its id) chose them, if one did.

    `probes`: those of them whose answer is compared with a mask that is known, and never trains.
    """

    cycle: Cycle
    strategy: str
    model: Sha256 | None
    items: list[QueryItem]
    probes: list[ImageId] = Field(default_factory=list)

    @model_serializer(mode="wrap")
    def _lean(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is empty: versions without probes or regions read the other queries."""
        values: dict[str, Any] = dump(self)
        _drop_whole(values["items"])
        return values if self.probes else {k: v for k, v in values.items() if k != "probes"}


def _drop_whole(items: list[dict[str, Any]]) -> None:
    """Leave out `tiles` where an item is about the whole image."""
    for item in items:
        if item["tiles"] is None:
            del item["tiles"]


@dataclass(frozen=True, slots=True)
class Label:
    """One accepted label map, stored at `labels/<image_id>/<sha256>.png`; agreement in [0, 1].

    `created_at`: when the annotator last changed it (UTC ISO text), if the export says so.
    `tiles`: the regions that it labels, outside of which it is 255; None for the whole image.
    """

    __pydantic_config__ = ITEM

    image_id: ImageId
    sha256: Sha256
    annotator: str
    agreement: Finite | None = None
    created_at: str | None = None
    tiles: Tiles | None = None

    @property
    def blob(self) -> str:
        """The label map's name in the storage."""
        return label_blob(self.image_id, self.sha256)


class Refused(Settings):
    """One label that was rejected, and why, in words."""

    name: str
    reason: str


class LabelsAccepted(Settings):
    """The labels that arrived with one file (or one answer of the oracle)."""

    file_sha256: Sha256
    file_name: str
    labels: list[Label]
    refused: list[Refused]

    @model_serializer(mode="wrap")
    def _lean(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is empty: versions without regions read the other labels."""
        values: dict[str, Any] = dump(self)
        _drop_whole(values["labels"])
        return values


class TaskSkipped(Settings):
    """Nobody can label this image: it leaves the queue."""

    image_id: ImageId
    annotator: str
    why: str


class Promotion(Settings):
    """A cycle's model becomes the champion."""

    cycle: Cycle
    model: Sha256
    metrics: dict[str, Any]
    reasons: list[str]


class Rollback(Settings):
    """An earlier champion becomes the champion again."""

    model: Sha256
    why: str


class RecipeChanged(Settings):
    """Settings changed between cycles. `changed`: dotted key -> [before, after]."""

    recipe: dict[str, Any]
    changed: dict[str, Any]


class CycleOpened(Settings):
    """A run takes the lease on a new cycle, or on an open one whose holder is gone."""

    cycle: Cycle
    owner: str = Field(min_length=1)
    fence: int = Field(ge=1)
    expires_at: Time


class Tracking(Settings):
    """The MLflow run ids of the campaign and of a cycle."""

    campaign_run_id: str | None = None
    cycle: Cycle | None = None
    cycle_run_id: str | None = None


Outcome = Literal["done", "nothing_to_do", "waiting"]


class CycleClosed(Settings):
    """A cycle has ended. `report`: the name of its report in the storage, if it has one."""

    cycle: Cycle
    outcome: Outcome
    report: str | None
    summary: dict[str, Any]


class LeaseReleased(Settings):
    """The owner stopped before the end; the next run may take the cycle over immediately."""

    cycle: Cycle
    owner: str
    why: str


KINDS: dict[str, type[BaseModel]] = {
    "campaign_created": CampaignCreated,
    "seed": Seed,
    "query": Query,
    "labels_accepted": LabelsAccepted,
    "task_skipped": TaskSkipped,
    "promotion": Promotion,
    "rollback": Rollback,
    "recipe_changed": RecipeChanged,
    "cycle_opened": CycleOpened,
    "tracking": Tracking,
    "cycle_closed": CycleClosed,
    "lease_released": LeaseReleased,
}


@dataclass(frozen=True)
class Event:
    """One committed event. `payload`: the model of its kind. `sha256`: of its whole bytes."""

    number: int
    event_id: str
    key: str
    kind: str
    at: str
    fence: int | None
    prev_sha256: str | None
    payload: Any
    sha256: str


def event_number(name: str) -> int:
    """Return the number in an event's name.

    Raises:
        LedgerError: the name is not an event's.
    """
    stem = name.removeprefix(f"{LEDGER}/").removesuffix(".json")
    if not (stem.isascii() and stem.isdecimal()) or event_name(int(stem)) != name:
        raise LedgerError(
            f"{name} is not an event. Move it out of the ledger folder. Events are named 000000.json "
            "and so on."
        )
    return int(stem)


def canonical(value: object) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal text.

    Raises:
        TypeError, ValueError: the value is not JSON (NaN is not).
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )

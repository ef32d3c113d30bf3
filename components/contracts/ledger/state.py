"""The campaign's state, and what follows from it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from components.contracts.ledger.events import (
    Outcome,
    QueryItem,
    TaskSkipped,
)
from components.contracts.ledger.layout import label_blob
from components.contracts.regions.tiles import WHOLE, Tiles, merged, share_of


class LabelVersion(NamedTuple):
    """One version of an image's label map, and the event that brought it.

    `at` is when the annotator last changed it or, if the export does not say, when it arrived. `tiles`:
    the regions that it labels; None for the whole image.
    """

    image_id: str
    sha256: str
    annotator: str
    agreement: float | None
    number: int
    at: str = ""
    tiles: Tiles | None = None

    @property
    def blob(self) -> str:
        """The label map's name in the storage."""
        return label_blob(self.image_id, self.sha256)


class CycleSummary(BaseModel):
    """The numbers that a closed cycle leaves in the ledger; fractions, None where undefined.

    Attributes:
        labeled, unlabeled, queried: images.
        labeled_regions, queried_regions: regions; None if whole images are asked for.
        labeled_area: of the labeled regions, in whole images: it means the same in every grid.
        seconds: of all steps together.
        promoted: whether its model became the champion.
        miou, pixel_accuracy, dice: of its model on `val`, in [0, 1].
        version: the last event that its training saw; None if it did not train.
        records: the folder of the records that it trained on; None if it did not train.
    """

    model_config = ConfigDict(frozen=True)  # unknown keys of another version are ignored

    labeled: int | None = None
    unlabeled: int | None = None
    queried: int | None = None
    labeled_regions: int | None = None
    queried_regions: int | None = None
    labeled_area: float | None = None
    seconds: float | None = None
    promoted: bool | None = None
    miou: float | None = None
    pixel_accuracy: float | None = None
    dice: float | None = None
    version: int | None = None
    records: str | None = None

    @property
    def labels(self) -> int | None:
        """The labeled images or, where regions are asked for, the labeled regions."""
        return self.labeled if self.labeled_regions is None else self.labeled_regions

    @property
    def asked(self) -> int:
        """The images or, where regions are asked for, the regions that the cycle asked for."""
        return (self.queried if self.queried_regions is None else self.queried_regions) or 0


@dataclass(frozen=True)
class CycleState:
    """One cycle: who holds it, until when, and how it ended.

    `opened_number` is its first opening event, whoever took it over later: the oracle answers what
    was asked before it, however often the cycle is rerun. `why` is what failed, where it was released.
    """

    cycle: int
    owner: str
    fence: int
    expires_at: str
    opened_at: str
    opened_number: int
    released: bool = False
    why: str = ""
    closed_at: str | None = None
    outcome: Outcome | None = None
    report: str | None = None
    summary: CycleSummary = field(default_factory=CycleSummary)
    run_id: str | None = None

    @property
    def closed(self) -> bool:
        """Whether the cycle has ended."""
        return self.outcome is not None

    def held(self, now: datetime) -> bool:
        """Return whether its owner still has the lease at this time."""
        return not (self.closed or self.released or now >= datetime.fromisoformat(self.expires_at))


@dataclass(frozen=True)
class Champion:
    """The best model at some point. `cycle` is the cycle that trained it."""

    model: str
    cycle: int
    metrics: dict[str, Any]
    number: int


@dataclass
class State:
    """The state after event `version`. Treat it as read-only: the ledger shares it.

    Attributes:
        version: the last event's number; -1 without events.
        labels: image_id -> its label versions, the last one current.
        passed: image_id -> the regions that nobody can label.
        outstanding: image_id -> the request, neither answered nor skipped since (seed included).
        asked: image_id -> the cycle whose query asked for it last; the seed is not in it.
        probes: image_id -> the answers; an image that was once a probe stays one, and its answers are
            no labels.
        keys: key -> the number of its event.
    """

    version: int = -1
    name: str = ""
    created_at: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    recipe_changes: int = 0
    protected: dict[str, Any] = field(default_factory=dict)
    seed: tuple[str, ...] = ()
    labels: dict[str, tuple[LabelVersion, ...]] = field(default_factory=dict)
    outstanding: dict[str, QueryItem] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    probes: dict[str, tuple[LabelVersion, ...]] = field(default_factory=dict)
    skipped: dict[str, TaskSkipped] = field(default_factory=dict)
    passed: dict[str, tuple[Tiles, ...]] = field(default_factory=dict)
    cycles: dict[int, CycleState] = field(default_factory=dict)
    champions: list[Champion] = field(default_factory=list)
    campaign_run_id: str | None = None
    keys: dict[str, int] = field(default_factory=dict)

    @property
    def created(self) -> bool:
        """Whether there is a campaign."""
        return self.version >= 0

    @property
    def begun(self) -> bool:
        """Whether anything depends on the protected values.

        Nothing does until somebody was asked for a label, or handed one in.
        """
        handed_in = any(key.startswith("labels/") for key in self.keys)  # even if all was rejected
        return bool(handed_in or self.seed or self.asked or self.skipped or self.champions)

    @property
    def last_cycle(self) -> CycleState | None:
        """The newest cycle, open or closed."""
        return self.cycles[max(self.cycles)] if self.cycles else None

    @property
    def open_cycle(self) -> CycleState | None:
        """The cycle that is not closed, if any; its lease may have expired."""
        last = self.last_cycle
        return None if last is None or last.closed else last

    @property
    def next_cycle(self) -> int:
        """The cycle that the next opening gets: the one that is not closed, or one more than the newest."""
        last = self.last_cycle
        return 1 if last is None else last.cycle + last.closed

    @property
    def fence(self) -> int:
        """The newest fencing number; 0 before the first cycle."""
        return self.last_cycle.fence if self.last_cycle else 0

    @property
    def champion(self) -> Champion | None:
        """The champion now; `champions` is the history, rollbacks included."""
        return self.champions[-1] if self.champions else None

    @property
    def trained(self) -> list[CycleState]:
        """The cycles that trained a model, in order."""
        return [cycle for _, cycle in sorted(self.cycles.items()) if cycle.outcome == "done"]

    @property
    def newest_records(self) -> str | None:
        """The folder of the records that the newest model was trained on; None before the first."""
        folders = [cycle.summary.records for cycle in self.trained if cycle.summary.records]
        return folders[-1] if folders else None

    @property
    def learning_curve(self) -> list[tuple[int, float]]:
        """Labeled images (or regions) and mIoU on `val` of each cycle's own model, in order."""
        summaries = (cycle.summary for cycle in self.trained)
        return [
            (s.labels, s.miou) for s in summaries if s.labels is not None and s.miou is not None
        ]

    @property
    def current_labels(self) -> dict[str, LabelVersion]:
        """The label version that counts, by image id, sorted."""
        return {image_id: versions[-1] for image_id, versions in sorted(self.labels.items())}

    @property
    def label_parts(self) -> dict[str, tuple[LabelVersion, ...]]:
        """The label versions that make up each image's label, the one that counts most last; sorted by id.

        That is the current version or, of an image of which regions were labeled, all of them in the order
        in which they were drawn, from the newest version of the whole image on.
        """
        return {image_id: parts_of(versions) for image_id, versions in sorted(self.labels.items())}

    def labeled_area(self, image_id: str) -> tuple[Tiles, ...]:
        """Return the regions of an image that are labeled; nothing if there is no label."""
        return merged(version.tiles or WHOLE for version in self.labels.get(image_id, ()))

    def settled_area(self, image_id: str) -> tuple[Tiles, ...]:
        """Return the regions of an image that nobody needs to be asked for: labeled, or not labelable."""
        return (*self.labeled_area(image_id), *self.passed.get(image_id, ()))

    @property
    def partial(self) -> set[str]:
        """The ids of the images of which only some regions are labeled."""
        return {image_id for image_id in self.labels if self.is_partial(image_id)}

    def is_partial(self, image_id: str) -> bool:
        """Return whether some regions of an image are labeled, and not all of it."""
        versions = self.labels.get(image_id, ())
        if not versions or any(version.tiles is None for version in versions):
            return False
        return share_of(self.labeled_area(image_id)) < 1.0

    @property
    def new_labels(self) -> list[str]:
        """The ids of the images whose label no training has seen yet, sorted."""
        seen = [c.summary.version for c in self.trained if c.summary.version is not None]
        since = max(seen, default=-1)
        return [i for i, version in self.current_labels.items() if version.number > since]

    @property
    def asked_ever(self) -> set[str]:
        """The ids of the images that the seed or a query asked for, answered or not."""
        return {*self.seed, *self.asked}

    @property
    def waiting(self) -> set[str]:
        """The ids of the outstanding images whose label a training waits for: probes do not count."""
        return self.outstanding.keys() - self.probes.keys()

    @property
    def asking_cycles(self) -> list[int]:
        """The cycles of which some task is outstanding, in order; the seed is of none."""
        return sorted({self.asked[i] for i in self.outstanding if i in self.asked})

    def answers(self, image_id: str) -> tuple[LabelVersion, ...]:
        """Return what people answered for an image, be it a label or a probe; the last one newest."""
        kept = self.probes if image_id in self.probes else self.labels
        return kept.get(image_id, ())

    def copy(self) -> State:
        """Return a copy that can be changed without changing this one."""
        new = copy.copy(self)
        for name in (
            *("labels", "outstanding", "asked", "probes", "skipped", "passed"),
            *("cycles", "keys", "champions"),
        ):
            setattr(new, name, getattr(self, name).copy())
        return new


def parts_of(versions: tuple[LabelVersion, ...]) -> tuple[LabelVersion, ...]:
    """Return the versions that make up an image's label: see `State.label_parts`."""
    if all(version.tiles is None for version in versions):
        return versions[-1:]
    ordered = sorted(versions, key=lambda version: version.at)
    whole = [place for place, version in enumerate(ordered) if version.tiles is None]
    return tuple(ordered[whole[-1] if whole else 0 :])

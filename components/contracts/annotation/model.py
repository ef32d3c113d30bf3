"""What a reader of annotations returns, and the error with which it gives one part up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from components.contracts.process.errors import StreetloopError


class AnnotationError(StreetloopError):
    """A part of an export that cannot be taken; the message is the reason an annotator reads."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """One annotator's label map of one image.

    Attributes:
      image_id: whose label map this is.
      train_ids: uint8 [H, W], 0..18, or 255 where the annotator left the image unlabeled.
      annotator: who labeled it; "unknown" where the format does not say.
      created_at: when it was last changed, ISO 8601 in UTC, or None where the format does not say.
      source: the file, and the part of it, that it came from.
    """

    image_id: str
    train_ids: np.ndarray
    annotator: str
    created_at: str | None
    source: str


@dataclass(frozen=True)
class Skipped:
    """A task that an annotator looked at and left; `why` is empty where nobody wrote it down."""

    image_id: str
    annotator: str
    why: str


@dataclass(frozen=True)
class Refusal:
    """A part that was not taken: `name` says which file and which part, `reason` why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """All that was in one export. It is never wholly empty: an export of nothing is refused."""

    annotations: tuple[Annotation, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def join(batches: Iterable[Batch]) -> Batch:
    """All that several batches hold, in order."""
    parts = list(batches)
    return Batch(
        tuple(a for part in parts for a in part.annotations),
        tuple(s for part in parts for s in part.skipped),
        tuple(r for part in parts for r in part.refusals),
    )


def refused(name: str, reason: object) -> Batch:
    """A batch of one refusal."""
    return Batch(refusals=(Refusal(name, str(reason)),))

"""What a reader of annotations returns, and the error with which it rejects a part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from components.contracts.process.errors import StreetloopError


class AnnotationError(StreetloopError):
    """A part of an export is rejected; the message is the reason that the annotator reads."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """One annotator's label map of one image.

    Attributes:
      image_id: the image.
      train_ids: uint8 [H, W], 0..18, or 255 where nothing was labeled.
      annotator: who labeled it; "unknown" if the format does not say.
      created_at: the last change, ISO 8601 in UTC, or None if the format does not say.
      source: the file and its part that hold it.
      regions: those that its task named, such as "3, 17 of 4x8; 2 of 3x1"; None if the format does not say.
    """

    image_id: str
    train_ids: np.ndarray
    annotator: str
    created_at: str | None
    source: str
    regions: str | None = None


@dataclass(frozen=True)
class Skipped:
    """A task that an annotator skipped; `why` is empty if nobody wrote a comment.

    `regions`: as in `Annotation`.
    """

    image_id: str
    annotator: str
    why: str
    regions: str | None = None


@dataclass(frozen=True)
class Refusal:
    """A rejected part: `name` says which file and which part of it, `reason` why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """The content of one export. It is never empty: an export of nothing holds a refusal."""

    annotations: tuple[Annotation, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def join(batches: Iterable[Batch]) -> Batch:
    """Return one batch with the content of several, in order."""
    parts = list(batches)
    return Batch(
        tuple(a for part in parts for a in part.annotations),
        tuple(s for part in parts for s in part.skipped),
        tuple(r for part in parts for r in part.refusals),
    )


def refused(name: str, reason: object) -> Batch:
    """Return a batch of one refusal."""
    return Batch(refusals=(Refusal(name, str(reason)),))

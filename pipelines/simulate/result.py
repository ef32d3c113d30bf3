"""The results of a simulation, as its files hold them."""

from __future__ import annotations

from contextlib import suppress

from pydantic import BaseModel

from components.contracts.scores.report import Count, Fraction
from components.contracts.storage.base import Storage
from pipelines.simulate.plan import Trial


class Point(BaseModel):
    """One model: fitted on so many labels, from scratch.

    Attributes:
      labels: number of labeled images; the regions of an image count together as much as the image.
      asked: what was labeled after the point before, the first choice first: ids of images, and
        id#number of regions.
      by: the strategy that chose them.
      classes: the IoU of each class that occurs.
      seconds: that the fit took.
    """

    labels: Count
    asked: list[str]
    by: str
    miou: Fraction
    pixel_accuracy: Fraction
    dice: Fraction
    classes: dict[str, Fraction]
    seconds: float


class TrialResult(BaseModel):
    """One strategy with one seed.

    Attributes:
      key: of the simulation, `plan.key_of`.
      strategy: None if all labels were used.
      points: one per budget.
      at_ms: when it first started, in milliseconds since 1970.
    """

    key: str
    strategy: str | None
    seed: int
    points: list[Point]
    git_sha: str
    at_ms: int


def place(key: str, trial: Trial) -> str:
    """Return the name of a trial's result in the root."""
    return f"simulations/{key}/{trial.file}.json"


def read_result(storage: Storage, key: str, trial: Trial) -> TrialResult | None:
    """Return the result of a trial; None if it has none."""
    with suppress(FileNotFoundError):
        return TrialResult.model_validate_json(storage.read(place(key, trial)))
    return None


def write_result(storage: Storage, trial: Trial, result: TrialResult) -> None:
    """Store a result atomically."""
    storage.write(place(result.key, trial), result.model_dump_json(indent=1).encode())

"""A fit of an experiment, under a key that hashes its inputs."""

from __future__ import annotations

from dataclasses import dataclass

from components.contracts.process.errors import UsageError
from components.contracts.recipe.recipe import Recipe
from components.contracts.recipe.train import TrainSettings
from components.contracts.step.done import hash_inputs
from pipelines.experiment.job import Order
from pipelines.experiment.scene import Scene

FORMAT = 2  # of a fit's result; a new number repeats every fit


@dataclass(frozen=True)
class Fit:
    """One variant with one seed.

    Attributes:
      labeled: the ids of its labeled images, sorted.
      key: the hash of everything that its result depends on, 16 hex digits.
    """

    variant: str
    seed: int
    settings: TrainSettings
    labeled: list[str]
    key: str

    @property
    def name(self) -> str:
        """The name that people see, and the name of its log."""
        return f"{self.variant}-{self.seed}"

    def place(self, name: str) -> str:
        """Return a name below the fit's own folder in the root."""
        return f"fits/{self.key}/{name}"


class FitOrder(Order):
    """A job for a process of `pipelines.fits.process`.

    Attributes:
      fit: None makes the records.
      run_id: the fit's run in MLflow; None if MLflow does not answer.
      splits: to score.
    """

    recipe: Recipe
    fit: Fit | None
    run_id: str | None
    splits: tuple[str, ...] = ("dev", "val")


def fit_of(
    variant: str, seed: int, settings: TrainSettings, ids: list[str], recipe: Recipe, scene: Scene
) -> Fit:
    """Return a fit under the key of its inputs.

    Args:
      variant: its name.
      seed: of weights, order and augmentation.
      settings: what the variant changes included.
      ids: of the labeled images.
      recipe: how its images are predicted.
      scene: the data set, whose masks are the labels.

    Raises:
      UsageError: `train.precision` is auto.
    """
    if settings.precision == "auto":
        raise UsageError(
            "train.precision is auto: each fit would measure for itself, so that a difference could be "
            "one of precision. Name one, such as --set train.precision=float32."
        )
    inputs = {
        "format": FORMAT,
        "settings": settings.facts(),
        "seed": seed,
        "records": scene.prefix,
        "inference": recipe.inference.model_dump(mode="json"),
        "labels": ids,
        "masks": scene.source.fingerprint([scene.items[i].label or "" for i in ids]),
    }
    return Fit(variant, seed, settings, ids, hash_inputs(inputs)[:16])

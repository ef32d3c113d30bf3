"""Plan the fits of an ablation, each under a key that hashes its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.contracts.data.records import Records
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.recipe.train import TrainSettings
from components.contracts.step.done import hash_inputs
from components.contracts.storage.base import Storage
from pipelines.ablation.variants import settings_of
from pipelines.experiment.job import Order
from pipelines.experiment.scene import Scene

FORMAT = 1  # of a fit's result; a new number repeats every fit


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
    """A job for a process of `pipelines.ablation.fit`.

    Attributes:
      fit: None makes the records.
      run_id: the fit's run in MLflow; None if MLflow does not answer.
      splits: to score.
    """

    recipe: Recipe
    fit: Fit | None
    run_id: str | None
    splits: tuple[str, ...] = ("dev", "val")


@dataclass(frozen=True)
class Design:
    """What an ablation compares.

    Attributes:
      labels: how many images are labeled: a number, or a share such as "1/8".
      seeds: of labels, weights, order and augmentation.
      variants: names of `variants.VARIANTS`; the others are compared with the first.
      split: "dev" or "val", whose differences are shown.
    """

    labels: int | str
    seeds: list[int]
    variants: list[str]
    split: str


@dataclass(frozen=True)
class Plan:
    """An ablation: its fits, seed by seed, so that the first results can already be compared."""

    recipe: Recipe
    design: Design
    fits: list[Fit]
    inputs: dict[str, Any]


def plan_of(recipe: Recipe, storage: Storage, scene: Scene, design: Design) -> Plan:
    """Plan the fits; the records must exist.

    Raises:
      StreetloopError: no image can be labeled, or none can be scored.
      UsageError: a variant is unknown.
    """
    records = Records(storage.local_dir(scene.prefix))
    if not records.ids(design.split):
        raise StreetloopError(
            f"No labeled image in {design.split} to score. Choose the other split with --split, or change "
            "split.dev_fraction."
        )
    shared = {
        "format": FORMAT,
        "train": recipe.train.model_dump(mode="json"),
        "records": scene.prefix,
        "inference": recipe.inference.model_dump(mode="json"),
        "labels": str(design.labels),
    }
    fits = []
    for seed in design.seeds:
        ids = scene.division.choose_labeled(records, design.labels, seed)
        if not ids:
            raise StreetloopError(
                f"No image with a mask in gtFine/train of {scene.source.uri}, where an ablation takes "
                "its labels from."
            )
        fits += [
            fit_of(variant, seed, settings_of(variant, recipe.train), ids, recipe, scene)
            for variant in design.variants
        ]
    return Plan(recipe, design, fits, shared)


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
    """
    inputs = {
        "format": FORMAT,
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "records": scene.prefix,
        "inference": recipe.inference.model_dump(mode="json"),
        "labels": ids,
        "masks": scene.source.fingerprint([scene.items[i].label or "" for i in ids]),
    }
    return Fit(variant, seed, settings, ids, hash_inputs(inputs)[:16])

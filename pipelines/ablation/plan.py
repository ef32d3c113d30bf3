"""Plan the fits of an ablation: variants x seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.contracts.data.records import POOL, Records
from components.contracts.process.errors import StreetloopError, UsageError
from components.contracts.process.words import counted
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.base import Storage
from pipelines.ablation.variants import settings_of
from pipelines.experiment.scene import Scene
from pipelines.fits.fit import FORMAT, Fit, fit_of


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
    """An ablation: its fits, seed by seed, so that the first results can already be compared.

    Attributes:
      inputs: what all fits share.
      pool: how many images of the train part there are, labeled or not.
    """

    recipe: Recipe
    design: Design
    fits: list[Fit]
    inputs: dict[str, Any]
    pool: int

    @property
    def without_unlabeled(self) -> list[str]:
        """The variants that learn from unlabeled images, if the labels leave none of them."""
        return list(
            dict.fromkeys(
                fit.variant
                for fit in self.fits
                if len(fit.labeled) == self.pool and fit.settings.objectives.reads_unlabeled
            )
        )


def plan_of(recipe: Recipe, storage: Storage, scene: Scene, design: Design) -> Plan:
    """Plan the fits; the records must exist.

    Raises:
      StreetloopError: no image can be labeled, or none can be scored.
      UsageError: a variant is unknown, or there are fewer images than labels.
    """
    records = Records(storage.local_dir(scene.prefix))
    if not records.ids(design.split):
        raise StreetloopError(
            f"No labeled image in {design.split} to score. Choose the other split with --split, or change "
            "split.dev_fraction."
        )
    pool = len(scene.labelable(records))
    if isinstance(design.labels, int) and 0 < pool < design.labels:
        raise UsageError(
            f"{counted(design.labels, 'label')} cannot be given: only {counted(pool, 'image')} of the "
            "pool can be labeled. Give fewer --labels."
        )
    shared = {
        "format": FORMAT,
        "train": recipe.train.facts(),
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
    return Plan(recipe, design, fits, shared, len(records.ids(POOL)))

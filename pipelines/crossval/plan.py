"""Plan the fits of a cross-validation: variants of a recipe x folds x seeds."""

from __future__ import annotations

from dataclasses import dataclass

from components.contracts.data.records import Records
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.recipe.train import TrainSettings
from components.contracts.storage.base import Storage
from pipelines.crossval.folds import Fold
from pipelines.experiment.scene import Scene
from pipelines.fits.fit import Fit, fit_of


@dataclass(frozen=True)
class Variant:
    """A recipe under a name; the first one of a cross-validation is what others are compared with."""

    name: str
    recipe: Recipe


@dataclass(frozen=True)
class Trial:
    """A variant on a fold.

    Attributes:
      recipe: the variant's, with the fold's cities as `dev`.
    """

    variant: str
    fold: Fold
    recipe: Recipe


@dataclass(frozen=True)
class Planned:
    """One fit of a trial."""

    trial: Trial
    fit: Fit

    @property
    def place(self) -> tuple[str, int]:
        """What is held out, and the seed: differences are paired by both."""
        return self.trial.fold.name, self.fit.seed


def trials_of(variants: list[Variant], folds: list[Fold]) -> list[Trial]:
    """Return the trials, fold by fold, so that the first differences come early."""
    return [
        Trial(variant.name, fold, held_out(variant.recipe, fold))
        for fold in folds
        for variant in variants
    ]


def held_out(recipe: Recipe, fold: Fold) -> Recipe:
    """Return a recipe whose `dev` is a fold."""
    split = recipe.split.model_copy(update={"dev_by": "city", "dev_cities": fold.cities})
    return recipe.model_copy(update={"split": split})


def settings_of(settings: TrainSettings) -> TrainSettings:
    """Return the settings of a fit whose last weights count.

    A score on `dev` in between would choose among weights by the images that the result is about.
    """
    return settings.model_copy(
        update={"dev_every": settings.steps, "patience": 0, "warm_start": False}
    )


def fits_of(
    trial: Trial, scene: Scene, storage: Storage, seeds: list[int], labels: int | str
) -> list[Planned]:
    """Plan the fits of a trial; its records must exist.

    Raises:
      StreetloopError: no image is left to train on.
    """
    records = Records(storage.local_dir(scene.prefix))
    settings = settings_of(trial.recipe.train)
    planned = []
    for seed in seeds:
        ids = scene.division.choose_labeled(records, labels, seed)
        if not ids:
            raise StreetloopError(
                f"No image with a mask is left in {scene.source.uri} if {trial.fold.name} is held out."
            )
        name = f"{trial.variant}@{trial.fold.name.replace(' ', '-')}"
        planned.append(Planned(trial, fit_of(name, seed, settings, ids, trial.recipe, scene)))
    return planned

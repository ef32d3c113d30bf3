"""What an ablation consists of: its fits, each under a key that hashes its inputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.contracts.data.raw import locate
from components.contracts.data.records import INDEX, Records
from components.contracts.ledger.layout import SOURCE
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.recipe.train import TrainSettings
from components.contracts.step.done import hash_inputs
from components.contracts.storage.base import Storage
from components.preprocess.build import Division, divide
from pipelines.ablation.variants import settings_of
from tfds_cityscapes.source import Item, Source

FORMAT = 1  # of a fit's result; a new number makes every fit again


@dataclass(frozen=True)
class Fit:
    """One variant with one seed.

    Attributes:
      labeled: the ids whose labels it gets, sorted.
      key: the hash of everything that decides its result, 16 hex digits.
    """

    variant: str
    seed: int
    settings: TrainSettings
    labeled: list[str]
    key: str

    @property
    def name(self) -> str:
        """As it is told to people, and as its log is called."""
        return f"{self.variant}-{self.seed}"

    def place(self, name: str) -> str:
        """A name below the fit's own folder in the root."""
        return f"fits/{self.key}/{name}"


@dataclass(frozen=True)
class Scene:
    """The data that all fits share.

    Attributes:
      division: which image goes where.
      items: of the source, by image id.
      prefix: the folder of the records, in the root.
    """

    division: Division
    items: dict[str, Item]
    prefix: str

    @property
    def source(self) -> Source:
        """The data set."""
        return self.division.source


@dataclass(frozen=True)
class Plan:
    """An ablation: its fits, seed by seed, so that what is there first can be compared."""

    recipe: Recipe
    labels: int | str
    variants: list[str]
    seeds: list[int]
    split: str
    fits: list[Fit]
    inputs: dict[str, Any]

    @property
    def key(self) -> str:
        """Of what all its fits share: more seeds or variants later belong to the same ablation."""
        return hash_inputs(self.inputs)[:16]


def scene_of(recipe: Recipe, storage: Storage) -> Scene:
    """Opens the source and divides it; generates the streets of a recipe that wants some."""
    source = locate(recipe.data, recipe.seed, storage, SOURCE)
    division = divide(source, recipe.data, recipe.split, recipe.seed)
    return Scene(division, {i.image_id: i for i in source.items}, division.records_folder)


def has_records(scene: Scene, storage: Storage) -> bool:
    """Whether the records of this state of the source are there."""
    return storage.exists(f"{scene.prefix}/{INDEX}")


def plan_of(
    recipe: Recipe,
    storage: Storage,
    scene: Scene,
    labels: int | str,
    seeds: Sequence[int],
    variants: Sequence[str],
    split: str,
) -> Plan:
    """Plans the fits; the records must be there.

    Raises:
      StreetloopError: no image can be labeled, or none can be scored.
      UsageError: a variant that there is not.
    """
    records = Records(storage.local_dir(scene.prefix))
    if not records.ids(split):
        raise StreetloopError(
            f"Expected labeled images in {split} to score; there is none. Choose the other with "
            "--split, or change split.dev_fraction."
        )
    shared = {
        "format": FORMAT,
        "train": recipe.train.model_dump(mode="json"),
        "records": scene.prefix,
        "inference": recipe.inference.model_dump(mode="json"),
        "labels": str(labels),
    }
    fits = []
    for seed in seeds:
        ids = scene.division.choose_labeled(records, labels, seed)
        if not ids:
            raise StreetloopError(
                f"Expected images with a mask in gtFine/train of {scene.source.uri}; found none. An "
                "ablation takes its labels from there."
            )
        masks = [scene.items[i].label or "" for i in ids]
        for variant in variants:
            settings = settings_of(variant, recipe.train)
            inputs = {
                "format": FORMAT,
                "settings": json.loads(settings.model_dump_json()),
                "seed": seed,
                "records": scene.prefix,
                "inference": shared["inference"],
                "labels": ids,
                "masks": scene.source.fingerprint(masks),
            }
            fits.append(Fit(variant, seed, settings, ids, hash_inputs(inputs)[:16]))
    return Plan(recipe, labels, list(variants), list(seeds), split, fits, shared)

"""Recipes: the settings of a campaign, typed and strict, from YAML and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from components.contracts.process.errors import UsageError
from components.contracts.process.uri import has_password
from components.contracts.recipe import file as settings_file
from components.contracts.recipe.base import Settings
from components.contracts.recipe.cluster import ClusterSettings
from components.contracts.recipe.cycle import CycleSettings
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.contracts.recipe.evaluate import EvaluateSettings
from components.contracts.recipe.feedback import FeedbackSettings
from components.contracts.recipe.inference import InferenceSettings
from components.contracts.recipe.networks import DISCRIMINATOR_TERMS
from components.contracts.recipe.notify import NotifySettings
from components.contracts.recipe.query import QuerySettings
from components.contracts.recipe.tracking import TrackingSettings
from components.contracts.recipe.train import TrainSettings

# The recipe travels as one parameter, on the command line of a task.
_LARGEST = 16_000
_A_DAY_S = 24 * 3600


class Recipe(Settings):
    """The settings of a campaign. Each section belongs to the step that reads it.

    Attributes:
      name: the name of the campaign, and of its registered model.
      seed: the seed of everything that is random.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    cycle: CycleSettings = CycleSettings()
    data: DataSettings = DataSettings()
    split: SplitSettings = SplitSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    train: TrainSettings = TrainSettings()
    inference: InferenceSettings = InferenceSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    query: QuerySettings = QuerySettings()
    tracking: TrackingSettings = TrackingSettings()
    notify: NotifySettings = NotifySettings()
    cluster: ClusterSettings = ClusterSettings()

    @model_validator(mode="after")
    def _trains_what_a_query_asks(self) -> Recipe:
        if self.query.strategy == "discriminator" and not self.train.objectives.uses_discriminator:
            raise ValueError(
                "query.strategy is discriminator, but train.objectives trains none: the weights of "
                f"{', '.join(DISCRIMINATOR_TERMS)} are 0; set one, or choose another strategy"
            )
        if self.query.strategy == "bald" and not self.train.network.dropout:
            raise ValueError(
                "query.strategy is bald, but train.network.dropout is 0, so repeated passes would all be "
                "the same; set it (such as 0.2), or choose another strategy"
            )
        return self

    @model_validator(mode="after")
    def _begins_with_features(self) -> Recipe:
        if self.split.initial_by == "typical" and not self.train.network.encoder.pretrained:
            raise ValueError(
                "split.initial_by is typical, but train.network.encoder, which would look at the "
                "images, is not pretrained (its name is unet, or its weights are none); choose a "
                "pretrained one, or set split.initial_by to chance"
            )
        return self

    @model_validator(mode="after")
    def _probes_are_for_people(self) -> Recipe:
        if self.query.probes and self.feedback.oracle:
            raise ValueError(
                "query.probes compares people with the data set's masks, and the oracle answers with "
                "just these; set query.probes to 0, or feedback.oracle to false"
            )
        return self

    @model_validator(mode="after")
    def _regions_have_one_answer(self) -> Recipe:
        if self.query.unit == "region" and self.feedback.policy == "consensus":
            raise ValueError(
                "feedback.policy is consensus, which compares label maps of whole images, and query.unit "
                "is region; set feedback.policy to latest, or query.unit to image"
            )
        return self

    @property
    def lease_seconds(self) -> float:
        """How long one run may hold a cycle before another may take it over."""
        if self.cycle.lease_minutes is not None:
            return self.cycle.lease_minutes * 60
        return max(_A_DAY_S, self.cluster.longest_step_seconds)

    def values(self) -> dict[str, Any]:
        """Return every setting, defaults included, as plain JSON values."""
        return self.model_dump(mode="json")

    def resolved(self) -> str:
        """Return every setting as JSON text: what the steps get."""
        text = json.dumps(self.values(), sort_keys=True)
        if len(text) > _LARGEST:
            raise UsageError(
                f"The resolved recipe is too large: {len(text)} bytes; at most {_LARGEST} are possible."
            )
        return text


def load(path: Path, changes: Sequence[str] = (), data: str | None = None) -> Recipe:
    """Read a recipe.

    Args:
      path: the YAML file.
      changes: "dotted.key=value" each, value in YAML; applied in order.
      data: replaces the recipe's data source (and its generated streets, if any).

    Raises:
      UsageError: the file is missing or not YAML, a key is unknown, or a value has a wrong type, is
        impossible, or holds a password. The message names the key, what was expected, and the nearest valid key.
    """
    if not path.is_file():
        raise UsageError(
            f"Recipe not found: {path}. Give the path of a YAML file; pipelines/recipes/ holds "
            "the ones that come with Streetloop."
        )
    values = settings_file.read(path)
    for change in changes:
        settings_file.change(values, change)
    if data is not None:
        given = values.get("data")
        section = dict(given) if isinstance(given, dict) else {}
        section.pop("synthetic", None)
        section["source"] = data
        values["data"] = section
    recipe = settings_file.validate(Recipe, values, str(path))
    if has_password(recipe.tracking.uri or ""):
        raise UsageError(
            f"{path}: tracking.uri holds a password, and a recipe is kept in the ledger. Set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or the whole address as "
            "MLFLOW_TRACKING_URI, in the environment."
        )
    return recipe


def keys() -> Iterable[str]:
    """Return every key that a recipe may have, dotted."""
    return settings_file.keys(Recipe)

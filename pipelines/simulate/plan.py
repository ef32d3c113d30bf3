"""Plan a simulation: which strategies, with which seeds, at which numbers of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from components.contracts.data.records import INDEX
from components.contracts.process.errors import UsageError
from components.contracts.recipe.networks import ObjectiveSettings
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.done import hash_inputs
from components.contracts.storage.base import Storage
from components.train.frozen.settings import HeadSettings
from pipelines.experiment.job import Order
from pipelines.experiment.scene import Scene
from pipelines.simulate.ways import IMPOSSIBLE, Name

FORMAT = 3  # of the results; a new number repeats every fit


class Design(BaseModel):
    """What a simulation compares.

    Attributes:
      strategies: that choose the images, or the regions; each is compared with the baseline.
      baseline: is one of them.
      seeds: of the first images, the initial weights, the order of training and chance.
      budgets: numbers of labels at which a model is fitted and scored, rising. The regions of an image
        count together as much as the image.
      query_size: labels that are asked for at once; None asks for what is missing to the next budget.
      split: whose images are scored.
      head: how models are fitted.
    """

    model_config = ConfigDict(frozen=True)

    strategies: tuple[Name, ...]
    baseline: Name
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...]
    budgets: tuple[int, ...]
    query_size: Annotated[int, Field(ge=1)] | None
    split: Literal["dev", "val"]
    head: HeadSettings

    @classmethod
    def of(
        cls,
        strategies: Sequence[str],
        baseline: str,
        seeds: Sequence[int],
        budgets: Sequence[int],
        steps: int | None,
        objectives: ObjectiveSettings,
        **others: Any,
    ) -> Design:
        """Return the design that a user asks for: the baseline is among the strategies, budgets rise.

        Args:
          strategies: to compare with the baseline.
          baseline: the strategy that is listed first.
          seeds: without repetitions.
          budgets: in any order, without repetitions.
          steps: of training per fit; None for the usual number.
          objectives: of the recipe, whose class weights the heads are fitted with.
          others: `query_size` and `split`.

        Raises:
          pydantic.ValidationError: a value is not what it should be.
          UsageError: a strategy cannot be simulated.
        """
        if impossible := IMPOSSIBLE & {*strategies, baseline}:
            raise UsageError(
                f"A simulation cannot use {', '.join(impossible)}: it trains small heads, without a "
                "discriminator. Leave it out, or compare campaigns (`streetloop run` and `compare`)."
            )
        head = HeadSettings() if steps is None else HeadSettings(steps=steps)
        head = head.model_copy(update={"class_weights_offset": objectives.log_offset})
        return cls.model_validate(
            {
                "strategies": tuple(dict.fromkeys([baseline, *strategies])),
                "baseline": baseline,
                "seeds": tuple(seeds),
                "budgets": tuple(sorted(budgets)),
                "head": head,
                **others,
            }
        )

    @property
    def rounds(self) -> tuple[int, ...]:
        """The numbers of labels at which something is asked or scored."""
        if self.query_size is None:
            return self.budgets
        between = range(self.budgets[0], self.budgets[-1], self.query_size)
        return tuple(sorted({*between, *self.budgets}))


@dataclass(frozen=True)
class Trial:
    """One strategy with one seed, from the first labels to the last. No strategy: all labels."""

    strategy: Name | None
    seed: int

    @property
    def name(self) -> str:
        """The name that people see, and the name of its log."""
        return f"{self.strategy or 'all labels'}, seed {self.seed}"

    @property
    def file(self) -> str:
        """The name of its result and its log."""
        return f"{self.strategy or 'all'}-{self.seed}"


class TrialOrder(Order):
    """A job for a process of `pipelines.simulate.job`.

    Attributes:
      trials: to carry out, one after the other; none writes the records and the features.
    """

    recipe: Recipe
    design: Design
    trials: list[Trial]


def key_of(recipe: Recipe, scene: Scene, design: Design) -> str:
    """Return the hash of what all results of a simulation share, 16 hex digits.

    Seeds and strategies that are added later belong to the same simulation.
    """
    masks = [item.label for item in scene.items.values() if item.label]
    shared = {
        "format": FORMAT,
        "records": scene.prefix,
        "masks": scene.source.fingerprint(masks),
        "encoder": _encoder(recipe),
        "head": design.head.model_dump(mode="json"),
        "budgets": design.budgets,
        "rounds": design.rounds,
        "min_gap": recipe.query.min_gap,
        "split": design.split,
    }
    # Left out where they are the defaults, as results from before these settings existed are the same.
    looking = recipe.query.model_dump(
        mode="json",
        include={"aggregation", "top_share", "samples", "region_grid", "regions_per_image"},
        exclude_defaults=True,
    )
    return hash_inputs(shared | looking)[:16]


def features_folder(recipe: Recipe, scene: Scene) -> str:
    """Return the folder of the features in the root: it names the records and the encoder."""
    facts = {
        "records": scene.prefix,
        "encoder": _encoder(recipe),
    }
    return f"features/{hash_inputs(facts)[:16]}"


def _encoder(recipe: Recipe) -> dict[str, Any]:
    """Return what the features depend on: a simulation's encoder is frozen whatever the recipe says."""
    facts = recipe.train.network.encoder.facts()
    return {key: value for key, value in facts.items() if key != "trainable"}


def has_features(recipe: Recipe, scene: Scene, storage: Storage) -> bool:
    """Return whether the features of this encoder and these records exist."""
    return storage.exists(f"{features_folder(recipe, scene)}/{INDEX}")


def trials_of(design: Design) -> list[Trial]:
    """Return the trials, seed by seed, so that the first results can already be compared."""
    named = [Trial(name, seed) for seed in design.seeds for name in design.strategies]
    return named + [Trial(None, seed) for seed in design.seeds]

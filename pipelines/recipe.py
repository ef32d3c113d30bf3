"""Recipes: a campaign's settings, typed and strict, from YAML and the command line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Field, ValidationError

from components.contracts.data_settings import DataSettings, SplitSettings
from components.contracts.errors import UsageError
from components.contracts.inference_settings import InferenceSettings
from components.contracts.settings import Settings
from components.contracts.tracking import TrackingSettings
from components.cycle.settings import CycleSettings
from components.evaluate.settings import EvaluateSettings
from components.feedback.settings import FeedbackSettings
from components.query.settings import QuerySettings
from components.train.fit_settings import TrainSettings
from pipelines.cluster_settings import ClusterSettings

FOLDER = Path(__file__).parent / "recipes"
# The recipe travels as one parameter, on the command line of a task.
_LARGEST = 16_000


class Recipe(Settings):
    """A campaign. Each section belongs to the step that reads it.

    Attributes:
      name: of the campaign, and of its registered model.
      seed: of everything that is drawn by chance.
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
    cluster: ClusterSettings = ClusterSettings()

    def resolved(self) -> str:
        """Every setting, defaults included, as JSON: what the steps get."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        if len(text) > _LARGEST:
            raise UsageError(
                f"Expected a recipe of at most {_LARGEST} bytes when resolved; got {len(text)}."
            )
        return text


def load(path: Path, changes: Sequence[str] = (), data: str | None = None) -> Recipe:
    """Reads a recipe.

    Args:
      path: the YAML file.
      changes: "dotted.key=value" each, value in YAML; applied in order.
      data: replaces the recipe's data source (and its generated streets, if any).

    Raises:
      UsageError: a file that is none, an unknown key, a wrong type or an impossible value. The
        message names the key, what was expected, and the nearest valid key.
    """
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except OSError as error:
        known = ", ".join(sorted(str(p) for p in FOLDER.glob("*.yaml")))
        raise UsageError(
            f"Expected a recipe file; cannot read {path} ({error.strerror}). Shipped: {known}."
        ) from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: expected YAML; {error}.") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path}: expected keys and values; got {type(values).__name__}.")
    for change in changes:
        _apply(values, change)
    if data is not None:
        section = dict(values.get("data") or {})
        section.pop("synthetic", None)
        section["source"] = data if data.startswith("gs://") else str(Path(data).absolute())
        values["data"] = section
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        raise UsageError("\n".join(_explain(path, e) for e in error.errors())) from error
    if recipe.data.source is not None and not recipe.data.source.startswith("gs://"):
        no_python3(recipe.data.source, "data.source")
    return recipe


def no_python3(path: str, what: str) -> None:
    """kfp.local replaces the word in every argument of a task."""
    if "python3" in path:
        raise UsageError(
            f"Expected {what} without the word 'python3' in it; got {path}: KFP's local runner "
            "replaces that word. Give the folder another name, or a link without it."
        )


def _apply(values: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise UsageError(f"Expected --set key=value (as query.query_size=4); got {change!r}.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {change}: expected a YAML value; {error}.") from error
    *parents, last = key.split(".")
    for parent in parents:
        if not isinstance(values.get(parent), dict):
            values[parent] = {}
        values = values[parent]
    values[last] = value


def _explain(path: Path, error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, list(keys()), n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"{path}: unknown key {key}.{hint} docs/reference/recipes.md lists all keys."
    message = error["msg"].removeprefix("Value error, ")
    return f"{path}: {key}: {message[0].lower()}{message[1:]}; got {error['input']!r}."


def keys(model: type[BaseModel] = Recipe, prefix: str = "") -> Iterable[str]:
    """Every key that a recipe may have, dotted."""
    for name, info in model.model_fields.items():
        inner = _model_in(info.annotation)
        yield f"{prefix}{name}"
        if inner is not None:
            yield from keys(inner, f"{prefix}{name}.")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None

"""The settings of an evaluation, and of the gate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from components.contracts.recipe.base import Settings
from tfds_cityscapes.labels import CLASS_NAMES


class GateSettings(Settings):
    """When a challenger becomes champion. Its scores on `dev` decide, never those on `val` or `test`.

    Attributes:
      margin: the challenger's mIoU must exceed the champion's by more than this fraction; 0.01 is one
        percentage point.
      protected: names of classes that must not lose more IoU than `max_drop`.
      max_drop: IoU that a protected class may lose, as a fraction.
    """

    margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    protected: tuple[str, ...] = Field(default=(), strict=False)
    max_drop: Annotated[float, Field(ge=0, le=1)] = 0.05

    @field_validator("protected")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(names) - set(CLASS_NAMES))
        if unknown:
            raise ValueError(f"unknown classes {unknown}; expected names among {list(CLASS_NAMES)}")
        return names


class EvaluateSettings(Settings):
    """When a model is promoted, and what the report shows.

    Attributes:
      gate: when a challenger becomes champion.
      overlays: number of images shown in the report and in MLflow, the lowest scores first.
      watched: number of images of `val`, always the same, whose prediction by each cycle's model is
        shown side by side in campaign.html and in MLflow.
    """

    gate: GateSettings = GateSettings()
    overlays: Annotated[int, Field(ge=0, le=50)] = 6
    watched: Annotated[int, Field(ge=0, le=20)] = 4

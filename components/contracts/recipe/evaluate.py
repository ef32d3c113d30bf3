"""The settings of an evaluation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from components.contracts.recipe.base import Settings
from tfds_cityscapes.labels import CLASS_NAMES


class GateSettings(Settings):
    """When a challenger becomes champion. Decided on `dev`, never on `val` or `test`.

    Attributes:
      margin: mIoU that the challenger must gain over the champion (fraction).
      protected: classes that must not get much worse.
      max_drop: IoU that a protected class may lose (fraction).
    """

    margin: Annotated[float, Field(ge=0, le=1)] = 0.0
    protected: tuple[str, ...] = Field(default=(), strict=False)
    max_drop: Annotated[float, Field(ge=0, le=1)] = 0.05

    @field_validator("protected")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(names) - set(CLASS_NAMES))
        if unknown:
            raise ValueError(f"unknown classes {unknown}; expected some of {list(CLASS_NAMES)}")
        return names


class EvaluateSettings(Settings):
    """What is reported.

    Attributes:
      gate: the rule of promotion.
      overlays: images shown in the report and in MLflow, the worst ones first.
    """

    gate: GateSettings = GateSettings()
    overlays: Annotated[int, Field(ge=0, le=50)] = 6

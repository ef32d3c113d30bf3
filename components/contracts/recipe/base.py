"""The base of every group of settings: typed, strict and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen group of settings. Rejects unknown keys, `1.5` as an integer, `"3"` and NaN as numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def value_at(values: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """Return the value of a dotted key in nested settings; `default` if they do not have it."""
    value: Any = values
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return value

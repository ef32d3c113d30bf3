"""The base of every group of settings: typed, strict and frozen."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen group of settings. Rejects unknown keys, `1.5` as an integer, `"3"` and NaN as numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

"""The settings of the data: several steps read them, so they are part of the contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from components.contracts.recipe.base import Settings

Pixels = Annotated[int, Field(ge=32, le=8192)]
# Height and width. YAML and JSON have lists where Python has tuples: hence not strict.
Size = Annotated[tuple[Pixels, Pixels], Field(strict=False)]
Portion = Annotated[float, Field(ge=0, le=1)]


class SyntheticSettings(Settings):
    """Generated streets, for a laptop without Cityscapes.

    Attributes:
      images: train images, `dev` included.
      val: validation images.
      size: height and width in pixels.
    """

    images: Annotated[int, Field(ge=8)] = 96
    val: Annotated[int, Field(ge=1)] = 24
    size: Size = (128, 256)


class DataSettings(Settings):
    """Where the images come from and how they are stored.

    Attributes:
      source: a folder in the Cityscapes layout, a folder with its zips, or gs://bucket/prefix.
      synthetic: generate streets instead of reading a source.
      size: stored height and width, or "native".
      skip_bad: leave broken images out and list them, instead of stopping.
    """

    source: str | None = None
    synthetic: SyntheticSettings | None = None
    size: Size | Literal["native"] = "native"
    skip_bad: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> DataSettings:
        if self.source is not None and self.synthetic is not None:
            raise ValueError("give data.source or data.synthetic, not both")
        return self


class SplitSettings(Settings):
    """How images are divided.

    Attributes:
      initial: labeled before the first cycle: a number of images, "1/16" … "1/2", or "all". 0 is a
        cold start. Only a campaign with an oracle can label them by itself.
      dev_fraction: share of each city's train frames that becomes `dev`: the last in time.
      guard: frames between pool and dev that belong to neither.
      ratios: shares of train, val (and test) for data that has no splits.
    """

    initial: int | Annotated[str, Field(pattern=r"^(all|1/[1-9][0-9]*)$")] = 0
    dev_fraction: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    guard: Annotated[int, Field(ge=0)] = 1
    ratios: dict[Literal["train", "val", "test"], Portion] = Field(
        default={"train": 0.8, "val": 0.2}
    )

    @model_validator(mode="after")
    def _sum(self) -> SplitSettings:
        named = {name for name, value in self.ratios.items() if value > 0}
        if abs(sum(self.ratios.values()) - 1) > 1e-6 or not {"train", "val"} <= named:
            raise ValueError("split.ratios must give train and val a share and sum to 1")
        if isinstance(self.initial, int) and self.initial < 0:
            raise ValueError("split.initial must be 0 or more")
        return self

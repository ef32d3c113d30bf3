"""The settings of the data and of its division into splits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from components.contracts.process.uri import absolute
from components.contracts.recipe.base import Settings

LEAST_SIDE, MOST_SIDE = 32, 8192  # pixels
Pixels = Annotated[int, Field(ge=LEAST_SIDE, le=MOST_SIDE)]
# Height and width. YAML and JSON have lists where Python has tuples: hence not strict.
Size = Annotated[tuple[Pixels, Pixels], Field(strict=False)]
Portion = Annotated[float, Field(ge=0, le=1)]


class SyntheticSettings(Settings):
    """Generated streets, to try Streetloop without Cityscapes.

    Attributes:
      images: number of train images, `dev` included.
      val: number of validation images.
      size: height and width of every image, in pixels.
    """

    images: Annotated[int, Field(ge=8)] = 96
    val: Annotated[int, Field(ge=1)] = 24
    size: Size = (128, 256)


class DataSettings(Settings):
    """Where the images come from, and the size at which they are stored.

    Attributes:
      source: a folder in the Cityscapes layout, a folder with its zips, or a bucket:
        gs://bucket/prefix or s3://bucket/prefix. A relative path starts from the folder in which the
        command is called.
      synthetic: generate streets instead of reading `source`.
      size: height and width in pixels to which images are resized when they are stored, or "native"
        to keep each at the size of its source. Scores are always taken at native size.
      skip_bad: leave broken images out and list them, instead of stopping at the first one.
    """

    source: Annotated[str, AfterValidator(absolute)] | None = None
    synthetic: SyntheticSettings | None = None
    size: Size | Literal["native"] = "native"
    skip_bad: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> DataSettings:
        if self.source is not None and self.synthetic is not None:
            raise ValueError("give data.source or data.synthetic, not both")
        return self


class SplitSettings(Settings):
    """How images are divided into the pool, `dev`, `val` and `test`.

    Attributes:
      initial: images of the pool that are labeled before the first cycle: a number, a share such as
        "1/16" or "1/2", or "all". 0 is a cold start. Only a campaign with an oracle uses it.
      initial_by: how images are chosen that are labeled before there is a model: `split.initial` in a
        simulation, and the first query to people. `chance` draws them evenly over the cities; `typical`
        takes those that stand for groups that look alike to the pretrained encoder (k-means), and from
        each city and drive no more than its share, rounded up.
      dev_by: what becomes `dev`: the last frames of every city (`time`), which resemble the pool's, or
        whole cities (`city`), so that `dev` says how the model does on streets it has never seen.
      dev_cities: the cities that become `dev`, with `dev_by: city`; none given: enough of them for
        `dev_fraction`, chosen by the seed.
      dev_fraction: share of the train frames that becomes `dev`, of each city or of all of them.
      guard: frames per city, between the pool and `dev`, that belong to neither, so that no two
        neighbours in time are in both.
      ratios: shares of train, val and (if wanted) test, for data without splits; they sum to 1.
    """

    initial: int | Annotated[str, Field(pattern=r"^(all|1/[1-9][0-9]*)$")] = 0
    initial_by: Literal["chance", "typical"] = "chance"
    dev_by: Literal["time", "city"] = "time"
    dev_cities: tuple[str, ...] = Field(default=(), strict=False)
    dev_fraction: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    guard: Annotated[int, Field(ge=0)] = 1
    ratios: dict[Literal["train", "val", "test"], Portion] = Field(
        default={"train": 0.8, "val": 0.2}
    )

    @model_validator(mode="after")
    def _sum(self) -> SplitSettings:
        named = {name for name, value in self.ratios.items() if value > 0}
        if abs(sum(self.ratios.values()) - 1) > 1e-6 or not {"train", "val"} <= named:
            raise ValueError("split.ratios must give train and val a share, and sum to 1")
        if self.dev_cities and self.dev_by != "city":
            raise ValueError("split.dev_cities needs split.dev_by: city")
        if isinstance(self.initial, int) and self.initial < 0:
            raise ValueError("split.initial must be 0 or more")
        return self

"""The settings of a query."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from components.contracts.recipe.base import Settings

StrategyName = Literal[
    "random",
    "stratified",
    "entropy",
    "margin",
    "least_confidence",
    "disagreement",
    "bald",
    "discriminator",
    "class_balanced",
    "kcenter",
    "kcenter_entropy",
    "facility_entropy",
    "dsquared_entropy",
    "clue",
    "coverage",
    "typical",
    "clasp",
]
AggregationName = Literal["mean", "top", "per_class"]
Parts = Annotated[int, Field(ge=1, le=64, strict=True)]
# The strategies that choose by what an image as a whole looks like, for a region has no description of its
# own; and clasp, whose noise fades as images are labeled.
OF_WHOLE_IMAGES = frozenset(
    {
        "kcenter",
        "kcenter_entropy",
        "facility_entropy",
        "dsquared_entropy",
        "clue",
        "coverage",
        "typical",
        "clasp",
    }
)


class QuerySettings(Settings):
    """Which images a cycle asks people to label, and how many.

    Attributes:
      strategy: how images are chosen. `auto` looks at the pool and takes what was measured to help in
        such a pool: `kcenter_entropy` for video, `facility_entropy` for other photos, and for regions
        `class_balanced`. By chance:
        `random`, or `stratified`, evenly over cities and time. By what the model does not know:
        `entropy` (it hesitates between many classes), `margin` (between two), `least_confidence` (its
        best guess), `disagreement` (with itself, on the mirrored image), `bald`
        (with itself, under dropout), `discriminator` (its
        prediction does not look like a label map), `class_balanced` (entropy, rare
        classes counting as much as frequent ones), `clasp` (entropy, in turns over the classes). By what
        is unlike the labeled images: `kcenter`, `coverage` (classes and time), `typical` (of groups of
        images that look alike). By both: `kcenter_entropy`, `facility_entropy`, `dsquared_entropy`, `clue`.
      aggregation: how an image's doubt follows from that of its pixels, for every strategy that looks at
        it: the `mean`; `top`, the mean of its most doubtful pixels only; or `per_class`, the mean over the
        predicted classes, of which each counts the same. Where a strategy goes by class itself
        (`class_balanced`, the turns of `clasp`), it makes no difference.
      top_share: share of the pixels that `top` looks at.
      samples: passes with dropout that `bald` compares.
      min_gap: two images of one query and one drive are at least so many frames apart, where the pool
        allows it.
      unit: what is asked for: a whole `image`, or a `region`, a tile of an image, of which only the tile
        is labeled; the image stays in the pool for its other regions.
      region_grid: rows and columns of equal size into which regions divide each image.
      regions_per_image: largest number of regions of one image in one query, where the pool allows it;
        `random` draws without it.
      query_size: largest number of outstanding images, or regions. A cycle asks for as many as are
        missing.
      label_budget: number of labeled and outstanding images, or regions, at which the campaign stops
        asking; a whole labeled image counts as all of its regions. None never stops.
      probes: for each image of a query, so many more, rounded up, whose mask the data set already has:
        what people answer is compared with it, per annotator, and never trains. 0 asks for none.
      drift_limit: report drift if the embeddings of the pool and of the labeled images are farther apart
        (maximum mean discrepancy, 0 to 1.4), or their predicted class shares (Jensen-Shannon divergence,
        0 to 1). None measures and does not report.
    """

    strategy: Literal["auto"] | StrategyName = "auto"
    aggregation: AggregationName = "mean"
    top_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    samples: Annotated[int, Field(ge=2, le=100)] = 8
    min_gap: Annotated[int, Field(ge=0)] = 4
    unit: Literal["image", "region"] = "image"
    region_grid: tuple[Parts, Parts] = Field(default=(4, 8), strict=False)
    regions_per_image: Annotated[int, Field(ge=1)] = 4
    query_size: Annotated[int, Field(ge=1)] = 8
    label_budget: Annotated[int, Field(ge=1)] | None = None
    probes: Annotated[float, Field(ge=0, le=1)] = 0.0
    drift_limit: Annotated[float, Field(gt=0, le=1.5)] | None = None

    @model_validator(mode="after")
    def _regions_can_be_chosen(self) -> QuerySettings:
        if self.unit == "region" and self.strategy in OF_WHOLE_IMAGES:
            possible = [name for name in get_args(StrategyName) if name not in OF_WHOLE_IMAGES]
            raise ValueError(
                f"query.unit is region, but query.strategy {self.strategy} chooses whole images; set "
                f"query.strategy to one of {', '.join(possible)}, or query.unit to image"
            )
        if self.unit == "region" and self.probes:
            raise ValueError(
                "query.probes measures people on whole images, and query.unit is region; set "
                "query.probes to 0, or query.unit to image"
            )
        return self

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the regions; None if whole images are asked for."""
        return None if self.unit == "image" else self.region_grid

"""The settings of a query."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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


class QuerySettings(Settings):
    """Which images a cycle asks people to label, and how many.

    Attributes:
      strategy: how images are chosen. `auto` looks at the pool and takes what was measured to help in
        such a pool: `kcenter_entropy` for video, `facility_entropy` for other photos. By chance:
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
      query_size: largest number of outstanding images. A cycle asks for as many as are missing.
      label_budget: number of labeled and outstanding images at which the campaign stops asking; None
        never stops.
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
    query_size: Annotated[int, Field(ge=1)] = 8
    label_budget: Annotated[int, Field(ge=1)] | None = None
    probes: Annotated[float, Field(ge=0, le=1)] = 0.0
    drift_limit: Annotated[float, Field(gt=0, le=1.5)] | None = None

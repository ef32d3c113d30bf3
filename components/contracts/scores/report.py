"""The scores of a model as `report.json` holds them. Fractions in [0, 1]; null where undefined."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from components.contracts.scores.summary import ClassScores

Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Stored(BaseModel):
    """A part of a file that outlives the version that wrote it: unknown keys are ignored."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, serialize_by_alias=True)


class Headline(Stored):
    """The three scores that every table and curve shows.

    Attributes:
      miou: mean IoU over the classes that occur in the labels.
      pixel_accuracy: share of the labeled pixels that are right.
      dice: data-set level Dice, averaged over the classes that occur.
    """

    miou: Fraction | None
    pixel_accuracy: Fraction | None
    dice: Fraction | None


# What people call them, in the order of tables.
HEADLINES = {"miou": "mIoU", "pixel_accuracy": "pixel accuracy", "dice": "Dice"}


class Baseline(Headline):
    """The scores of the simplest model: every pixel gets the most frequent class."""

    name: str = Field(alias="class")


class CityScores(Headline):
    """The scores on the images of one city."""

    images: Count


class CategoryScores(Stored):
    """The IoU of one category of the benchmark."""

    iou: Fraction | None


class ReliabilityBin(Stored):
    """The pixels whose confidence is in [low, high)."""

    low: Fraction
    high: float
    pixels: Count
    accuracy: Fraction | None
    confidence: float | None


class CalibrationScores(Stored):
    """How far confidence and accuracy differ; `ece` is the expected calibration error."""

    ece: Fraction | None
    bins: list[ReliabilityBin]


class ImageScores(Stored):
    """One image's own scores; `words` says what went wrong in it."""

    image_id: str
    miou: Fraction
    pixel_accuracy: Fraction
    words: str


class SplitScores(Headline):
    """A model's scores on one split, at the labels' native size.

    Attributes:
      mean_accuracy, frequency_weighted_iou, category_iou: as the benchmark defines them.
      dice_image_mean: the mean over images of each image's own Dice.
      pixels: labeled pixels.
      classes, categories: by name.
      images: how many were scored.
      confusion: [19][19] pixels; rows are the truth, columns the prediction.
      cities: by name.
      most_confused: sentences, the largest share first.
      worst_images: the lowest mIoU first.
    """

    mean_accuracy: Fraction | None
    dice_image_mean: Fraction | None
    frequency_weighted_iou: Fraction | None
    category_iou: Fraction | None
    pixels: Count
    classes: dict[str, ClassScores]
    categories: dict[str, CategoryScores]
    images: Count
    confusion: list[list[Count]]
    cities: dict[str, CityScores]
    calibration: CalibrationScores
    most_confused: list[str]
    worst_images: list[ImageScores]


class Evaluation(Stored):
    """The evaluation of a cycle's model.

    Attributes:
      dev: decides about the promotion.
      val: is reported and decides nothing.
      reasons: why the model was promoted or not, in sentences.
    """

    dev: SplitScores
    val: SplitScores
    baseline: Baseline
    promoted: bool
    reasons: list[str]

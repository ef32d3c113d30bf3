"""The settings of the ingestion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.contracts.recipe.base import Settings


class FeedbackSettings(Settings):
    """Whose labels come in, and what is done with them.

    Attributes:
      oracle: answer queries from the source's own gtFine/train: a simulation.
      min_new_labels: a cycle with fewer new labeled images ends as "nothing to do".
      policy: of several annotators of one image, take the latest, or the pixel majority.
      allow_unasked: also take labels of images that no query asked for.
      resize: bring masks of another size but the same shape to the image's size (nearest).
      max_ignore: largest share of unannotated pixels in a mask.
    """

    oracle: bool = False
    min_new_labels: Annotated[int, Field(ge=1)] = 1
    policy: Literal["latest", "consensus"] = "latest"
    allow_unasked: bool = False
    resize: bool = False
    max_ignore: Annotated[float, Field(ge=0, le=1)] = 0.95

"""The settings of the feedback step: which labels are accepted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from components.contracts.recipe.base import Settings


class FeedbackSettings(Settings):
    """Which labels are accepted, and which of several counts.

    Attributes:
      oracle: simulate the annotators: answer queries from the data set's own gtFine/train.
      existing: accept the masks that the data set already has in gtFine/train, for images of the pool, as
        if people had handed them in. Not together with `oracle`.
      min_new_labels: newly labeled images that a cycle needs to train. With fewer it ends as "nothing
        to do" if images are outstanding; else it only asks.
      policy: which label map counts if several people labeled an image: the `latest` one, or the
        majority of each pixel (`consensus`), where ties are ignored.
      allow_unasked: also accept labels of pool images that no query asked for.
      resize: also accept label maps of another size but the same shape, and resize them to the image
        (nearest pixel).
      max_ignore: largest share of pixels without a class that is accepted in a label map.
    """

    oracle: bool = False
    existing: bool = False
    min_new_labels: Annotated[int, Field(ge=1)] = 1
    policy: Literal["latest", "consensus"] = "latest"
    allow_unasked: bool = False
    resize: bool = False
    max_ignore: Annotated[float, Field(ge=0, le=1)] = 0.95

    @model_validator(mode="after")
    def _one_source(self) -> FeedbackSettings:
        if self.oracle and self.existing:
            raise ValueError(
                "feedback.existing takes all masks at once and leaves the oracle nothing to answer; for a "
                "simulation that starts with labels, set split.initial instead"
            )
        return self

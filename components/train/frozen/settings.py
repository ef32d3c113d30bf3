"""The settings of a head, without the libraries that build it."""

from __future__ import annotations

from pydantic import Field

from components.contracts.recipe.base import Settings


class HeadSettings(Settings):
    """How a head is built and trained.

    Attributes:
      width: channels of its layers.
      dropout: share of the channels left out in training, before the last layer.
      steps: of training, whatever the number of labels, so that more labels get no more steps.
      batch_size: images per step.
      crop: share of an image's width that a step sees, at a random place.
      learning_rate: of AdamW at the first step; it falls to 0 along a cosine.
      weight_decay: of AdamW.
      class_weights_offset: rare classes count more, as in `train.objectives`; None: all count alike.
    """

    width: int = Field(default=128, ge=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    steps: int = Field(default=400, ge=1)
    batch_size: int = Field(default=4, ge=1)
    crop: float = Field(default=0.5, gt=0, le=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    class_weights_offset: float | None = Field(default=None, gt=1)

"""Settings of the networks and of the objectives.

Weights are named after the terms of the papers; the source of each default is beside it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from components.contracts.process.uri import expanded
from components.contracts.recipe.base import Settings

EncoderName = Literal[
    "unet",
    "efficientnet_lite0",
    "efficientnet_lite2",
    "mobilenet_v2",
    "resnet50",
    "efficientnet_v2_b0",
    "efficientnet_v2_s",
    "efficientnet_v2_m",
    "convnext_tiny",
]
# The terms that ask the discriminator.
DISCRIMINATOR_TERMS = ("adversarial_labeled", "adversarial_unlabeled", "semi_supervised")
Weight = Annotated[float, Field(ge=0.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class EncoderSettings(Settings):
    """The contracting half of the generator."""

    name: EncoderName = "efficientnet_lite0"
    # "imagenet", "none", or the path of a file: a torch state dict for efficientnet_lite*, else a
    # Keras .weights.h5 of the same encoder. `unet` always starts from scratch.
    weights: Annotated[str, AfterValidator(expanded)] = Field(default="imagenet", min_length=1)
    base: int = Field(
        default=16, ge=1
    )  # `unet` only: channels at full resolution, doubled per level
    depth: int = Field(default=4, ge=1, le=5)  # `unet` only: how often it halves the resolution
    # False keeps its weights and batch-norm statistics as they are: only the decoder is trained.
    trainable: bool = True

    @property
    def pretrained(self) -> bool:
        """Whether the encoder starts with weights that know something."""
        return self.name != "unet" and self.weights != "none"

    def facts(self) -> dict[str, Any]:
        """Return what the encoder's features depend on, to be hashed: of a file of weights, its content too.

        One that does not exist is left to whoever reads it.
        """
        values = self.model_dump(mode="json")
        path = Path(self.weights)
        if self.pretrained and self.weights != "imagenet" and path.is_file():
            with path.open("rb") as file:
                values["weights_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        return values

    @model_validator(mode="after")
    def _knows_something(self) -> EncoderSettings:
        if not self.trainable and not self.pretrained:
            why = "unet has no pretrained weights" if self.name == "unet" else "weights is none"
            raise ValueError(
                f"trainable: false needs a pretrained encoder, and {why}, so that the decoder would learn "
                "on random features; set trainable to true, or choose a pretrained encoder, such as "
                "name: efficientnet_lite0 with weights: imagenet"
            )
        return self


class NetworkSettings(Settings):
    """The generator: an encoder and a U-Net decoder (Ronneberger et al., 2015)."""

    encoder: EncoderSettings = EncoderSettings()
    # Channels of the finest decoder block; doubled per level up to the maximum.
    decoder_width: int = Field(default=32, ge=1)
    decoder_max_width: int = Field(default=128, ge=1)
    decoder_convolutions: Literal[1, 2] = 2  # per level
    decoder_convolution: Literal["full", "separable"] = "full"
    upsampling: Literal["nearest", "bilinear"] = "bilinear"
    # The stride at which the logits are computed; they are then up-sampled to the input size.
    output_stride: Literal[1, 2, 4] = 2
    dropout: Share = 0.0  # share of the deepest feature's channels left out in training
    # Keras's 0.99 lags behind in short schedules (8 % mIoU after 200 steps where 0.9 was right).
    bn_momentum: float = Field(default=0.9, ge=0.0, lt=1.0)


class DiscriminatorSettings(Settings):
    """The fully convolutional discriminator of Hung et al. (2018), section 3.2."""

    base: int = Field(default=64, ge=1)  # channels 1x, 2x, 4x, 8x this, then 1
    leaky_slope: float = Field(default=0.2, ge=0.0, lt=1.0)
    sees_image: bool = False  # also given the image, as in s4GAN (Mittal et al., 2019)


class ObjectiveSettings(Settings):
    """The terms of the generator's loss and their weights; 0 switches a term off.

    Attributes:
      hard_pixel_share: of each image's labeled pixels, how many count in the cross-entropy: those with
        the largest weighted loss (online hard example mining, Shrivastava et al., 2016).
      consistency: weight of weak-to-strong consistency with the averaged model as teacher (UniMatch,
        Yang et al., 2023), on one strong view where UniMatch has two at half this weight each.
    """

    supervised: Weight = 1.0
    # "log" is ENet's 1 / ln(c + share) (Paszke et al., 2016), scaled to a mean of 1 over pixels.
    class_weights: Literal["none", "log"] = "log"
    # ENet's c, 1.02 in the paper. The larger it is, the less rare classes count: at 1.02 a class with
    # a hundredth of the pixels counts ten times as much as one with a third, at 1.1 three times.
    class_weights_offset: float = Field(default=1.02, gt=1.0, le=10.0)
    dice: Weight = 0.0
    hard_pixel_share: float = Field(default=1.0, gt=0.0, le=1.0)

    # AdvSemiSeg (Hung et al., 2018), section 4 and the authors' code.
    adversarial_labeled: Weight = 0.01
    adversarial_unlabeled: Weight = 0.001
    semi_supervised: Weight = 0.1
    semi_supervised_threshold: Share = 0.2  # trust pixels where sigmoid(D) is above this
    semi_supervised_start: Share = 0.25  # of the steps; 5,000 of 20,000 in the paper

    # UniMatch (Yang et al., 2023): (labeled + strong1 / 4 + strong2 / 4 + feature / 2) / 2. Relative
    # to a labeled weight of 1 that is 0.5 for the strong views together and 0.5 for the feature.
    # One strong view at 0.5 has the expected gradient of two at 0.25 and costs half as much.
    consistency: Weight = 0.0
    feature_consistency: Weight = 0.0
    consistency_threshold: Share = 0.0  # their value for Cityscapes
    consistency_start: Share = 0.0  # of the steps

    @property
    def log_offset(self) -> float | None:
        """The offset with which classes are weighted; None if all count alike."""
        return self.class_weights_offset if self.class_weights == "log" else None

    @property
    def uses_discriminator(self) -> bool:
        """Whether a term with a weight asks the discriminator; else it is not trained."""
        return any(getattr(self, name) for name in DISCRIMINATOR_TERMS)

    @property
    def judges_unlabeled(self) -> bool:
        """Whether a term with a weight asks the discriminator about unlabeled images."""
        return bool(self.adversarial_unlabeled or self.semi_supervised)

    @property
    def uses_teacher(self) -> bool:
        """Whether a term with a weight asks the averaged model about unlabeled images."""
        return bool(self.consistency or self.feature_consistency)

    @property
    def reads_unlabeled(self) -> bool:
        """Whether a term with a weight reads unlabeled images."""
        return self.judges_unlabeled or self.uses_teacher

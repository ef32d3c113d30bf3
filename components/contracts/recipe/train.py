"""Settings of a fit: augmentation, optimization, and how often it scores and saves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from components.contracts.recipe.base import Settings
from components.contracts.recipe.data import Size
from components.contracts.recipe.networks import (
    DiscriminatorSettings,
    NetworkSettings,
    ObjectiveSettings,
    Share,
)

Positive = Annotated[float, Field(gt=0)]


class AugmentSettings(Settings):
    """Weak changes of every training image, and strong changes of the student's view.

    The ranges are UniMatch's (Yang et al., 2023), except that street scenes are never upside down
    and small images suffer from scales as low as 0.5.

    Attributes:
      scale: smallest and largest zoom before the crop; at 1 the whole image fills the crop, so a
        stored pixel grows by this times max(crop / stored size).
      flip: mirror left and right, half of the time.
      jitter: brightness, contrast, saturation and hue of the strong view, each as in torchvision's
        `ColorJitter`; a hue of 0.25 turns colours by up to a quarter circle either way.
      jitter_share, grey_share, blur_share, cutmix_share: how often each change is made.
      labeled_strong_share: how often a labeled image gets the strong changes of colour as well.
      rare_crop_share: how often the crop of a labeled image is aimed at a pixel of a rare class
        (DAFormer's rare class sampling, Hoyer et al., 2022); the other crops lie anywhere.
    """

    scale: tuple[Positive, Positive] = Field(default=(0.75, 1.75), strict=False)
    flip: bool = True
    jitter: tuple[Share, Share, Share, Share] = Field(default=(0.5, 0.5, 0.5, 0.25), strict=False)
    jitter_share: Share = 0.8
    grey_share: Share = 0.2
    blur_share: Share = 0.5
    cutmix_share: Share = 0.5
    labeled_strong_share: Share = 0.0
    rare_crop_share: Share = 0.0

    @field_validator("scale")
    @classmethod
    def _ascending(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if scale[0] > scale[1]:
            raise ValueError("the smallest zoom comes first")
        return scale


class OptimizerSettings(Settings):
    """How the generator's weights move.

    Attributes:
      encoder_lr_mult: factor of the encoder's learning rate, and so of its weight decay; below 1,
        pretrained weights change more slowly than those of the decoder, which begin at random.
      weight_decay: of the kernels, decoupled from the gradient; biases and norm layers have none.
    """

    name: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Positive = 1e-3
    encoder_lr_mult: Positive = 1.0
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    schedule: Literal["poly", "cosine"] = "poly"
    power: Positive = 0.9  # of poly (DeepLab, Chen et al., 2017)
    warmup_steps: Annotated[int, Field(ge=0)] = 20
    clip_norm: Positive = 5.0  # of all gradients together


# Keys that came after the first fits were stored, and the value with which a fit is as it was.
_LATER_KEYS = {
    "network.encoder.trainable": True,
    "augment.rare_crop_share": 0.0,
    "objectives.hard_pixel_share": 1.0,
}


class TrainSettings(Settings):
    """One fit.

    Attributes:
      steps: optimizer steps.
      batch_size, unlabeled_batch_size: images of each kind in a step; the second may be 0.
      crop: height and width of the networks' input, cut from the zoomed image (`augment.scale`).
      ema_decay: of the averaged weights, which teach and are saved; 0 turns averaging off.
      settle_batches: batches over which the averaged model's batch-norm statistics are recomputed.
      dev_every: steps between two scores on `dev`. The best-scoring weights are saved.
      patience: stop after this many scores without a better one; 0 never stops early.
      checkpoint_every: steps between checkpoints.
      warm_start: start from the champion's weights, if there is one.
      jit_compile: compile the step with XLA; on one device only.
      precision: the networks' number format. Weights, losses, scores and the saved model are always
        float32; `mixed_float16` scales the losses. `auto` measures a few steps in float32 and in
        mixed_bfloat16 before the first one, and takes the faster: machines may choose differently.
      deterministic: the same machine, data, seed and precision give the same weights, bit for bit.
      gpus: GPUs to use, each with an equal part of every batch; it is an error if fewer are visible.
        0 uses the CPU.
    """

    network: NetworkSettings = NetworkSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    objectives: ObjectiveSettings = ObjectiveSettings()
    augment: AugmentSettings = AugmentSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    discriminator_learning_rate: Positive = 1e-4  # AdvSemiSeg (Hung et al., 2018)
    steps: Annotated[int, Field(ge=1)] = 400
    batch_size: Annotated[int, Field(ge=1)] = 8
    unlabeled_batch_size: Annotated[int, Field(ge=0)] = 4
    crop: Size = (128, 256)
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    settle_batches: Annotated[int, Field(ge=0)] = 20
    dev_every: Annotated[int, Field(ge=1)] = 100
    patience: Annotated[int, Field(ge=0)] = 0
    checkpoint_every: Annotated[int, Field(ge=1)] = 50
    warm_start: bool = False
    jit_compile: bool = False
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16", "auto"] = "float32"
    deterministic: bool = True
    gpus: Annotated[int, Field(ge=0)] = 0

    def facts(self) -> dict[str, Any]:
        """Return what a fit depends on, to be hashed.

        A key that came later is left out where it changes nothing, so that older results stay valid.
        """
        values = self.model_dump(mode="json")
        values["network"]["encoder"] = self.network.encoder.facts()
        for path, without in _LATER_KEYS.items():
            *sections, key = path.split(".")
            section = values
            for name in sections:
                section = section[name]
            if section[key] == without:
                del section[key]
        return values

    @field_validator("crop")
    @classmethod
    def _divisible(cls, crop: tuple[int, int]) -> tuple[int, int]:
        if any(n % 32 for n in crop):
            raise ValueError(
                "both numbers must be divisible by 32, as the networks halve five times"
            )
        return crop

    @model_validator(mode="after")
    def _shared_by_gpus(self) -> TrainSettings:
        if self.gpus > 1:
            for name in ("batch_size", "unlabeled_batch_size"):
                if getattr(self, name) % self.gpus:
                    raise ValueError(
                        f"{name} must be divisible by gpus ({self.gpus}): it counts the images of "
                        "all GPUs together"
                    )
            if self.jit_compile:
                raise ValueError(
                    "jit_compile works on one device only; set it to false, or gpus to 1"
                )
        return self

    @model_validator(mode="after")
    def _trains_on_a_cpu(self) -> TrainSettings:
        if self.network.encoder.name == "convnext_tiny" and not self.gpus:
            raise ValueError(
                "convnext_tiny trains on GPUs only (TensorFlow has no gradient of its grouped "
                "convolutions on a CPU); set gpus, or choose another encoder"
            )
        return self

"""Notices losses that are no numbers, and a discriminator that teaches the generator nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.contracts.process.errors import StreetloopError

# Chance is log 2 = 0.69; a healthy loss lies between 0.2 and 0.5 (Hung et al., 2018, and its code).
_WON = 0.05
_GAVE_UP = 0.69
_SURE = 0.98


def finite_means(losses: Sequence[Mapping[str, Any]], step: int) -> dict[str, float]:
    """Means of every term over the last steps.

    Args:
      losses: of steps step - len(losses) + 1, ..., step.
      step: the last of them, counted from 1.

    Raises:
      StreetloopError: a number is not finite; the message names the term and the first such step.
    """
    values = {k: np.array([float(row[k]) for row in losses]) for k in losses[0]}
    bad = {k: np.flatnonzero(~np.isfinite(v)) for k, v in values.items()}
    first = min((int(places[0]) for places in bad.values() if places.size), default=None)
    if first is not None:
        name = next(k for k, places in bad.items() if first in places)
        raise StreetloopError(
            f"Expected finite losses; {name} is {values[name][first]} at step "
            f"{step - len(losses) + first + 1}. Lower train.optimizer.learning_rate or "
            "train.optimizer.clip_norm, or the weight of that term; then run again."
        )
    return {k: float(v.mean()) for k, v in values.items()}


def check_loss_scale(scale: float | None, step: int) -> None:
    """Makes sure that loss scaling (float16) still finds a scale with finite gradients.

    Raises:
      StreetloopError: the scale has fallen below 1: step after step was left out.
    """
    if scale is not None and scale < 1:
        raise StreetloopError(
            f"Expected finite gradients; they overflow at step {step} even with the loss scaled by "
            f"{scale:g}. Lower train.optimizer.learning_rate or train.optimizer.clip_norm, or set "
            "train.precision to mixed_bfloat16 or float32."
        )


def collapse_warning(means: Mapping[str, float]) -> str | None:
    """What is wrong with the discriminator, and what to do; None if nothing is.

    Args:
      means: of the losses since the last report, as `train_step` names them.
    """
    loss = means.get("discriminator_loss")
    if loss is None:
        return None
    real, fake = means["discriminator_accuracy_real"], means["discriminator_accuracy_fake"]
    if loss < _WON or (real > _SURE and fake > _SURE):
        return (
            f"The discriminator has won (loss {loss:.3f}; right on {real:.0%} of real and {fake:.0%} of "
            "predicted pixels): its gradient carries little. Lower train.discriminator_learning_rate "
            "or train.discriminator.base."
        )
    if loss >= _GAVE_UP and abs(real - (1 - fake)) < 1 - _SURE:
        return (
            f"The discriminator has given up (loss {loss:.3f}; it calls everything "
            f"{'real' if real > 0.5 else 'predicted'}). Raise train.discriminator_learning_rate, or "
            "lower train.objectives.adversarial_labeled."
        )
    return None

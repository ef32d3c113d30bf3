"""Detect losses that are not finite, and a discriminator that teaches the generator nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.contracts.process.errors import StreetloopError

# Chance is log 2 = 0.69; a healthy loss lies between 0.2 and 0.5 (Hung et al., 2018, and its code).
_WON = 0.05
_GAVE_UP = 0.69
_SURE = 0.98


def finite_means(
    rows: Sequence[Mapping[str, Any]], step: int, loss_scale: float | None = None
) -> dict[str, float]:
    """Return the mean of every metric over the last steps.

    With loss scaling, a step whose gradients overflow is skipped by design: its gradient norm is left
    out of the mean, and the mean is left out if no step had a finite one.

    Args:
      rows: metrics of steps step - len(rows) + 1, ..., step, as `train_step` names them.
      step: the last of them, counted from 1.
      loss_scale: of the generator's loss; None without loss scaling.

    Raises:
      StreetloopError: a number is not finite; the message names the term and the first such step.
    """
    values = {k: np.array([float(row[k]) for row in rows]) for k in rows[0]}
    if loss_scale is not None:
        norms = values.pop("gradient_norm")
        if np.isfinite(norms).any():
            values["gradient_norm"] = norms[np.isfinite(norms)]
    bad = {k: np.flatnonzero(~np.isfinite(v)) for k, v in values.items()}
    first = min((int(places[0]) for places in bad.values() if places.size), default=None)
    if first is not None:
        name = next(k for k, places in bad.items() if first in places)
        raise StreetloopError(
            f"Training diverged: {name} is {values[name][first]} at step "
            f"{step - len(rows) + first + 1}. Lower train.optimizer.learning_rate or "
            "train.optimizer.clip_norm, or the weight of that term, then run again."
        )
    return {k: float(v.mean()) for k, v in values.items()}


def check_loss_scale(scale: float | None, step: int) -> None:
    """Check that loss scaling (float16) still finds a scale with finite gradients.

    Raises:
      StreetloopError: the scale has fallen below 1, as step after step was skipped.
    """
    if scale is not None and scale < 1:
        raise StreetloopError(
            f"Gradients overflow at step {step} even with the loss scaled by {scale:g}. Lower "
            "train.optimizer.learning_rate or train.optimizer.clip_norm, or set train.precision to "
            "mixed_bfloat16 or float32."
        )


def collapse_warning(means: Mapping[str, float]) -> str | None:
    """Describe the discriminator's problem and its remedy; return None if it has none.

    Args:
      means: of the metrics since the last report, as `train_step` names them.
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

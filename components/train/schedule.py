"""Schedule the learning rate: a linear warm-up, then poly or cosine to zero."""

from __future__ import annotations

import math

from components.contracts.recipe.train import OptimizerSettings


def learning_rate_factor(step: int, steps: int, settings: OptimizerSettings) -> float:
    """Return the factor of the learning rate at `step`, in [0, 1].

    poly: (1 - step / steps) ** power (DeepLab, Chen et al., 2017).
    cosine: (1 + cos(pi * step / steps)) / 2 (SGDR, Loshchilov & Hutter, 2017, without restarts).
    """
    warm = min(1.0, (step + 1) / (settings.warmup_steps + 1))
    done = min(1.0, step / steps)
    if settings.schedule == "poly":
        return warm * (1 - done) ** settings.power
    return warm * (1 + math.cos(math.pi * done)) / 2

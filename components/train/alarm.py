"""Notices a discriminator that has won or given up: then it teaches the generator nothing."""

from __future__ import annotations

from collections.abc import Mapping

# Chance is log 2 = 0.69; a healthy loss lies between 0.2 and 0.5 (Hung et al., 2018, and its code).
_WON = 0.05
_GAVE_UP = 0.69
_SURE = 0.98


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

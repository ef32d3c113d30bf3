"""Build the terms of the generator's loss: each is a name, a weight and a value.

Names are those of the metrics. Logits come by view (`views.py`); a term exists if its views do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf

from components.contracts.recipe.networks import ObjectiveSettings
from components.train.networks.discriminator import predicted_maps
from components.train.objectives.losses import (
    adversarial_loss,
    consistency_loss,
    dice_loss,
    masked_mean,
    semi_supervised_loss,
    supervised_loss,
)
from components.train.objectives.targets import Targets, trusted_pixels
from tfds_cityscapes.labels import IGNORE_LABEL

Tensors = Mapping[str, tf.Tensor]
Judge = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # label maps and images to D's logits


class Term(NamedTuple):
    """One term. A weight of 0.0 only reports the value, float32 []."""

    weight: float | tf.Tensor
    value: tf.Tensor


Terms = dict[str, Term]


def weighted_sum(terms: Terms) -> tf.Tensor:
    """Add up the weighted values: the generator's loss."""
    return tf.add_n([term.weight * term.value for term in terms.values()])


def values(terms: Terms) -> dict[str, tf.Tensor]:
    """Return the values alone, to be reported."""
    return {name: term.value for name, term in terms.items()}


def supervised(
    logits: Tensors, labels: tf.Tensor, class_weights: tf.Tensor | None, weights: ObjectiveSettings
) -> Terms:
    """Compare the labeled view with its labels [B, H, W]."""
    value = supervised_loss(logits["labeled"], labels, class_weights, weights.hard_pixel_share)
    terms = {"supervised_loss": Term(weights.supervised, value)}
    if weights.dice:
        terms["dice_loss"] = Term(weights.dice, dice_loss(logits["labeled"], labels))
    return terms


def adversarial(
    logits: Tensors, batch: Tensors, judge: Judge, weights: ObjectiveSettings, started: tf.Tensor
) -> Terms:
    """Ask the discriminator about the labeled and the weak view; train on what it trusts.

    Args:
      logits: of the views.
      batch: of the same step (`stream.batches`).
      judge: the discriminator.
      weights: of the terms.
      started: 1.0 if self-training counts yet, else 0.0.
    """
    valid = batch["label"] != IGNORE_LABEL
    verdict = judge(predicted_maps(logits["labeled"], valid), batch["image"])
    value = adversarial_loss(verdict, valid)
    terms = {"adversarial_loss": Term(weights.adversarial_labeled, value)}
    if "weak" in logits:
        valid = tf.logical_not(batch["padding"])
        verdict = judge(predicted_maps(logits["weak"], valid), batch["weak"])
        trusted = trusted_pixels(verdict, valid, weights.semi_supervised_threshold)
        share = masked_mean(tf.cast(trusted, tf.float32), tf.ones_like(trusted))
        terms |= {
            "adversarial_loss_unlabeled": Term(
                weights.adversarial_unlabeled, adversarial_loss(verdict, valid)
            ),
            "semi_supervised_loss": Term(
                started * weights.semi_supervised, semi_supervised_loss(logits["weak"], trusted)
            ),
            "trusted_share": Term(0.0, share),
        }
    return terms


def consistency(
    logits: Tensors, targets: Mapping[str, Targets], weights: ObjectiveSettings, started: tf.Tensor
) -> Terms:
    """Compare the strong view, and the view with features left out, with the teacher's targets.

    UniMatch (Yang et al., 2023) has two strong views at half of this weight each. One has the same
    expected gradient at half the cost, with more variance.

    Args:
      logits: of the views.
      targets: of the same views.
      weights: of the terms.
      started: 1.0 if consistency counts yet, else 0.0.
    """
    of_view = {
        "strong": ("consistency_loss", weights.consistency),
        "features": ("feature_consistency_loss", weights.feature_consistency),
    }
    terms = {}
    for view, target in targets.items():
        name, weight = of_view[view]
        value = consistency_loss(logits[view], target, weights.consistency_threshold)
        terms[name] = Term(started * weight, value)
    return terms

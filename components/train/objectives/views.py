"""Make the views of a batch that the student predicts, and the teacher's targets for them.

Views by name:
  labeled: labeled images.
  weak: unlabeled images, changed weakly.
  strong: the same, changed strongly and mixed by CutMix.
  features: the weak view with features left out between encoder and decoder.
"""

from __future__ import annotations

from collections.abc import Mapping

import keras
import tensorflow as tf

from components.contracts.recipe.networks import ObjectiveSettings
from components.train.networks import replicas
from components.train.networks.batch_norm import statistics_frozen
from components.train.networks.generator import GeneratorParts
from components.train.objectives.targets import Targets, cutmix, teacher_targets

Tensors = Mapping[str, tf.Tensor]


def make_views(
    batch: Tensors, teacher: keras.Model, weights: ObjectiveSettings
) -> tuple[dict[str, tf.Tensor], dict[str, Targets]]:
    """Return the images of each view that some term needs, and the targets by view.

    Args:
      batch: of `stream.batches`.
      teacher: predicts the weak view, which is undisturbed.
      weights: of the terms.
    """
    images, targets = {"labeled": batch["image"]}, {}
    if "weak" in batch and weights.judges_unlabeled:
        images["weak"] = batch["weak"]
    if "weak" in batch and weights.uses_teacher:
        logits = teacher(batch["weak"], training=False)
        taught = teacher_targets(logits, tf.logical_not(batch["padding"]))
        if weights.consistency:
            mixed = cutmix(batch["strong"], taught, batch["cutmix"])
            images["strong"], targets["strong"] = mixed
        if weights.feature_consistency:
            targets["features"] = taught
    return images, targets


def predict(model: keras.Model, images: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Predict all views as one batch in training mode: logits [B, H, W, 19] by view."""
    logits = model(tf.concat(list(images.values()), 0), training=True)
    parts = tf.split(logits, [view.shape[0] for view in images.values()])
    return dict(zip(images, parts, strict=True))


@statistics_frozen()
def predict_without_features(
    parts: GeneratorParts, images: tf.Tensor, seed: int, step: tf.Tensor
) -> tf.Tensor:
    """Predict with half of each feature's channels left out (UniMatch, section 3.2).

    The choice follows from the seed and the step, so that a resumed fit makes it again.
    """
    dropped = []
    # Flattened, as Keras returns a list of one feature as that feature.
    features = tf.nest.flatten(parts.encoder(images, training=True))
    for level, feature in enumerate(features):
        shape = [replicas.count() * feature.shape[0], 1, 1, feature.shape[-1]]
        # Levels are below 8; beyond 32 bits the seed's own would overflow.
        of_level = tf.constant((8 * seed + level) % 2**31, tf.int32)
        kept = tf.nn.experimental.stateless_dropout(
            tf.ones(shape, feature.dtype), 0.5, seed=tf.stack([of_level, step])
        )
        dropped.append(feature * replicas.own_rows(kept))  # 0 or 2, for the whole image
    return parts.decoder(dropped, training=True)

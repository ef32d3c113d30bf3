"""Make the views of a batch, the teacher's targets for them, and the student's predictions of them.

Views by name:
  labeled: labeled images.
  weak: unlabeled images, changed weakly.
  strong: the same, changed strongly and mixed by CutMix.
  features: the weak view with features left out between encoder and decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from components.contracts.recipe.networks import ObjectiveSettings
from components.train.networks import replicas
from components.train.networks.batch_norm import statistics_frozen
from components.train.networks.generator import split_generator
from components.train.objectives.targets import Targets, cutmix, teacher_targets

Tensors = Mapping[str, tf.Tensor]
# What the networks take, by view: images [B, H, W, 3], or a list of features of a frozen encoder.
Inputs = dict[str, Any]


class Halves(NamedTuple):
    """The networks of a step, cut where no gradient passes: before the image, or after a frozen encoder.

    Attributes:
      encode: makes the inputs of the others from images by view, without a gradient.
      student: predicts inputs.
      teacher: predicts inputs.
      features_of: the student's features of inputs, finest first.
      decoder: the student's, which predicts features.
    """

    encode: Callable[[dict[str, tf.Tensor]], Inputs]
    student: keras.Model
    teacher: keras.Model
    features_of: Callable[[Any], list[tf.Tensor]]
    decoder: keras.Model


def halves_of(student: keras.Model, teacher: keras.Model, frozen: bool) -> Halves:
    """Cut a generator and its teacher.

    Args:
      student: a generator.
      teacher: another, whose encoder has the same weights if it is frozen.
      frozen: whether the encoder is; then it sees each view once, for both networks.
    """
    parts = split_generator(student)
    if frozen:
        decoder = parts.decoder
        encode = partial(_encode, parts.encoder)
        return Halves(encode, decoder, split_generator(teacher).decoder, list, decoder)
    # Flattened, as Keras returns a list of one feature as that feature.
    return Halves(
        dict,
        student,
        teacher,
        lambda images: tf.nest.flatten(parts.encoder(images, training=True)),
        parts.decoder,
    )


def _encode(encoder: keras.Model, images: dict[str, tf.Tensor]) -> Inputs:
    """Compute the features of all views as one batch, as at prediction: nothing is dropped."""
    sizes = [view.shape[0] for view in images.values()]
    features = tf.nest.flatten(encoder(tf.concat(list(images.values()), 0), training=False))
    by_view = zip(*(tf.split(feature, sizes) for feature in features), strict=True)
    return {view: list(own) for view, own in zip(images, by_view, strict=True)}


def make_views(batch: Tensors, weights: ObjectiveSettings) -> dict[str, tf.Tensor]:
    """Return the images of each view that the student or the teacher predicts for some term.

    Args:
      batch: of `stream.batches`.
      weights: of the terms.
    """
    images = {"labeled": batch["image"]}
    if "weak" in batch and weights.reads_unlabeled:
        images["weak"] = batch["weak"]
    if "weak" in batch and weights.consistency:
        images["strong"] = cutmix(batch["strong"], batch["cutmix"])
    return images


def make_targets(
    batch: Tensors, inputs: Inputs, teacher: keras.Model, weights: ObjectiveSettings
) -> dict[str, Targets]:
    """Return the targets of each view that has some, by view.

    Args:
      batch: of `stream.batches`.
      inputs: of its views.
      teacher: predicts the weak view, which is undisturbed.
      weights: of the terms.
    """
    targets: dict[str, Targets] = {}
    if "weak" in batch and weights.uses_teacher:
        logits = teacher(inputs["weak"], training=False)
        taught = teacher_targets(logits, tf.logical_not(batch["padding"]))
        if weights.consistency:
            targets["strong"] = Targets(*(cutmix(values, batch["cutmix"]) for values in taught))
        if weights.feature_consistency:
            targets["features"] = taught
    return targets


def predict(model: keras.Model, inputs: Inputs) -> dict[str, tf.Tensor]:
    """Predict all views as one batch in training mode: logits [B, H, W, 19] by view."""
    stacked = tf.nest.map_structure(lambda *views: tf.concat(views, 0), *inputs.values())
    sizes = [tf.nest.flatten(view)[0].shape[0] for view in inputs.values()]
    parts = tf.split(model(stacked, training=True), sizes)
    return dict(zip(inputs, parts, strict=True))


@statistics_frozen()
def predict_without_features(halves: Halves, inputs: Any, seed: int, step: tf.Tensor) -> tf.Tensor:
    """Predict one view with half of each feature's channels left out (UniMatch, section 3.2).

    The choice follows from the seed and the step, so that a resumed fit makes it again.
    """
    dropped = []
    for level, feature in enumerate(halves.features_of(inputs)):
        shape = [replicas.count() * feature.shape[0], 1, 1, feature.shape[-1]]
        # Levels are below 8; beyond 32 bits the seed's own would overflow.
        of_level = tf.constant((8 * seed + level) % 2**31, tf.int32)
        kept = tf.nn.experimental.stateless_dropout(
            tf.ones(shape, feature.dtype), 0.5, seed=tf.stack([of_level, step])
        )
        dropped.append(feature * replicas.own_rows(kept))  # 0 or 2, for the whole image
    return halves.decoder(dropped, training=True)

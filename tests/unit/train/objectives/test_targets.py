"""Targets: CutMix pastes images together with their targets."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from components.train.objectives.targets import Targets, cutmix


def test_cutmix_pastes_the_next_image_together_with_its_targets():
    rng = np.random.default_rng(7)
    images = rng.random((3, 4, 5, 3)).astype(np.float32)
    labels = rng.integers(0, 19, (3, 4, 5)).astype(np.int32)
    confidence = rng.random((3, 4, 5)).astype(np.float32)
    boxes = rng.random((3, 4, 5)) < 0.5
    mixed, targets = cutmix(
        tf.constant(images), Targets(tf.constant(labels), tf.constant(confidence)), boxes
    )
    following = [1, 2, 0]
    for pasted, values in ((targets.pseudo_labels, labels), (targets.confidence, confidence)):
        np.testing.assert_array_equal(pasted, np.where(boxes, values[following], values))
    np.testing.assert_array_equal(mixed, np.where(boxes[..., None], images[following], images))

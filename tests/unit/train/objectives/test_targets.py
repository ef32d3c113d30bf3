"""Targets: CutMix pastes images together with their targets."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from components.train.objectives.targets import cutmix


def test_cutmix_pastes_the_next_image_together_with_its_targets():
    rng = np.random.default_rng(7)
    images = rng.random((3, 4, 5, 3)).astype(np.float32)
    labels = rng.integers(0, 19, (3, 4, 5)).astype(np.int32)
    confidence = rng.random((3, 4, 5)).astype(np.float32)
    boxes = rng.random((3, 4, 5)) < 0.5
    following = [1, 2, 0]
    for values in (labels, confidence):
        mixed = cutmix(tf.constant(values), boxes)
        np.testing.assert_array_equal(mixed, np.where(boxes, values[following], values))
    mixed = cutmix(tf.constant(images), boxes)
    np.testing.assert_array_equal(mixed, np.where(boxes[..., None], images[following], images))

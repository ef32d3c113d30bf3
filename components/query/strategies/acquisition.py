"""Acquisition functions: from a model's probabilities for one image to a score.

Higher means ask first, always. Each is a pure function of probabilities [H, W, C] that sum to 1
over C, and returns a map [H, W], float32, in [0, 1]; an image's score is the map's mean.
Source of the three measures: Settles, Active Learning Literature Survey (2009), section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Shannon entropy over the classes, divided by log C: 0 where sure, 1 where uniform."""
    classes = probabilities.shape[-1]
    # x log x tends to 0 with x; the smallest normal float keeps the logarithm finite.
    logs = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    # A plain float: NumPy's own would turn the map into float64.
    return np.clip(-(probabilities * logs).sum(-1) / float(np.log(classes)), 0, 1)


def margin(probabilities: np.ndarray) -> np.ndarray:
    """1 - (best - second best)."""
    top = np.partition(probabilities, -2, axis=-1)
    return np.clip(1 - (top[..., -1] - top[..., -2]), 0, 1)


def least_confidence(probabilities: np.ndarray) -> np.ndarray:
    """1 - best, scaled so that a uniform guess scores 1."""
    classes = probabilities.shape[-1]
    return np.clip((1 - probabilities.max(-1)) * classes / (classes - 1), 0, 1)


ACQUISITIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "entropy": entropy,
    "margin": margin,
    "least_confidence": least_confidence,
}
REASONS = {
    "random": "drawn at random",
    "entropy": "the model hesitates between many classes",
    "margin": "the model hesitates between two classes",
    "least_confidence": "the model is unsure of its best guess",
}

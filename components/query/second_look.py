"""Measures of doubt that take more than an image's prediction: a second look at the image."""

from __future__ import annotations

import numpy as np

from components.contracts.recipe.query import StrategyName
from components.query.look import Model, SecondLook
from components.query.strategies.disagreement import divergence
from components.query.strategies.discriminator import fakeness


def second_look(strategy: StrategyName, model: Model) -> SecondLook:
    """Return what looks again at the images of the pool, for a strategy that needs it.

    Args:
      strategy: its name, which is that of its measure.
      model: has a judge, if the strategy is `discriminator`.
    """

    def mirrored(image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        other = model.predictor.probabilities(image[:, ::-1])[:, ::-1]
        return divergence(probabilities, other)

    def judged(image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        assert model.judge is not None  # whoever loads the model knows the strategy
        return fakeness(model.judge.logits(probabilities, image))

    return {"disagreement": mirrored, "discriminator": judged}[strategy]

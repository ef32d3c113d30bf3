"""Measures of doubt beside the entropy of the prediction; some take a second look at the image."""

from __future__ import annotations

import numpy as np

from components.contracts.model.predictor import pad_to_stride
from components.contracts.model.thinned import Thinned
from components.contracts.recipe.query import StrategyName
from components.query.look import Model, SecondLook
from components.query.strategies import MEASURES
from components.query.strategies.bald import mutual_information
from components.query.strategies.disagreement import divergence
from components.query.strategies.discriminator import fakeness


def second_look(
    strategy: StrategyName, model: Model, samples: int, rng: np.random.Generator
) -> SecondLook:
    """Return what measures doubt in the images of the pool, for a strategy with a measure of its own.

    Args:
      strategy: its name, which is that of its measure.
      model: has a judge, if the strategy is `discriminator`.
      samples: passes of `bald`.
      rng: draws the channels that `bald` leaves out.

    Raises:
      StreetloopError: the strategy is `bald`, and the model has no dropout.
    """
    if strategy in MEASURES:
        return lambda image, probabilities: MEASURES[strategy](probabilities)
    if strategy == "bald":
        thinned = Thinned(model.predictor.generator, samples, rng)

        def passed(image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
            height, width = image.shape[:2]
            padded = pad_to_stride(image[None].astype(np.float32))
            return mutual_information(p[:height, :width] for p in thinned.passes(padded))

        return passed
    if strategy == "disagreement":
        # An average over the mirrored image is that of the mirrored image as well: nothing to compare.
        alone = model.predictor.without_flip()

        def mirrored(image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
            if alone is not model.predictor:
                probabilities = alone.probabilities(image)
            return divergence(probabilities, alone.probabilities(image[:, ::-1])[:, ::-1])

        return mirrored

    def judged(image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        assert model.judge is not None  # whoever loads the model knows the strategy
        return fakeness(model.judge.logits(probabilities, image))

    assert strategy == "discriminator"
    return judged

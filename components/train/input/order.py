"""The order in which a fit sees its images: one with few labeled pixels is drawn that much less often."""

from __future__ import annotations

import functools

import numpy as np

_PARTLY = 0.5  # of the largest labeled share; above it, an image is whole but for its void pixels


def weights(shares: np.ndarray) -> np.ndarray:
    """Return how often images are drawn: in proportion to their labeled area.

    With regions (`query.unit`), most images are labeled in a few tiles. Drawn as often as whole images,
    they would fill the batches, of which most would hold no label. That whole networks learn more from
    the same labels if regions count for less was measured (docs/results.md).

    Args:
      shares: [N], the labeled share of each image's pixels.

    Returns:
      float64 [N]: 1 for whole images, less for those that are labeled in part.
    """
    shares = np.asarray(shares, np.float64)
    most = shares.max(initial=0.0)
    if most == 0:
        return np.ones(len(shares))
    return np.where(shares >= _PARTLY * most, 1.0, shares / most)


def epoch_of(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the images of an epoch, in random order: int [max(1, the rounded sum of the weights)].

    If all weights are 1, each image is in every epoch. Otherwise an image is drawn, by systematic
    sampling, as often an epoch as its weight says, times the length over the sum of the weights. That is
    near 1 for many images; weights of 1 and 0.4 give 0.71 and 0.29, and 1, 0.3 and 0.3 give 1.25, 0.375
    and 0.375: the first one is then twice in some epochs.

    Args:
      weights: [N], in [0, 1], at least one above 0.
      rng: the only source of randomness.
    """
    order = rng.permutation(len(weights))
    if (weights == 1).all():
        return order
    length = _length(weights)
    reached = np.cumsum(weights[order]) * (length / weights.sum())
    wanted = rng.random() + np.arange(length)
    return order[np.minimum(np.searchsorted(reached, wanted, side="right"), len(order) - 1)]


def _length(weights: np.ndarray) -> int:
    return max(1, round(float(weights.sum())))


class Order:
    """The images of every step: epoch after epoch, each in an order of its own.

    A pure function of the arguments and the step, so that a fit resumes with what it would have seen.
    """

    def __init__(self, weights: np.ndarray, *seed: int) -> None:
        """Begin an order.

        Args:
          weights: how often each image is drawn, [N].
          seed: of its randomness.
        """
        self._weights, self._seed, self._length = weights, seed, _length(weights)
        # A batch may reach into the next epoch.
        self._epoch = functools.lru_cache(maxsize=2)(self._draw)

    def batch(self, step: int, size: int) -> list[int]:
        """Return the images of a step."""
        places = (divmod(place, self._length) for place in range(step * size, (step + 1) * size))
        return [int(self._epoch(epoch)[place]) for epoch, place in places]

    def _draw(self, epoch: int) -> np.ndarray:
        return epoch_of(self._weights, np.random.default_rng([*self._seed, epoch]))

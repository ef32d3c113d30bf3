"""Continue a learning curve: the power laws that few, noisy points leave possible.

The law is miou(n) = A - R (n / n1)^-b with n labels, of which the first point has n1: A is what all labels
of the world would give, R what the first point lacks of it, b how fast it is gained (Hestness et al., Deep
Learning Scaling is Predictable, Empirically, 2017; with an offset, as Mahmood et al., How Much More Data Do
I Need?, 2022, fit it).

Three points determine three parameters: there are no residuals that a bootstrap could draw from, and a
fit's own standard errors are zero. So curves are drawn from the posterior instead. The priors are flat in A
and R, flat in log b, and an inverse gamma for the variance of the noise, around what fits with other seeds
differ by. For a given b the law is linear in A and R, so the posterior is known in closed form up to
0 <= R <= A <= 1, which rejecting draws takes care of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Point = tuple[int, float]  # labeled images, a fraction

_EXPONENTS = np.geomspace(0.1, 2.0, 601)
# Fits of the same images with other seeds differ by 0.5 to 2 points of mIoU: see docs/results.md.
_NOISE, _NOISE_WEIGHT = 0.015, 3.0  # as if so many residuals of this size had been seen
_ROUND, _ROUNDS, _WANTED = 20_000, 10, 4_000  # draws
_FEWEST = 0.01  # share of the draws that rise; below it, the curve falls


@dataclass(frozen=True)
class Futures:
    """K curves that the points leave possible, each equally probable; arrays [K].

    Attributes:
      first: n1, the labels of the first point.
      asymptote, rise, exponent: A, R and b.
      noise: the standard deviation of a score around its curve.
    """

    first: int
    asymptote: np.ndarray
    rise: np.ndarray
    exponent: np.ndarray
    noise: np.ndarray

    def means(self, labels: np.ndarray) -> np.ndarray:
        """Return the curves at numbers of labels [L]: [K, L]."""
        ratio = np.asarray(labels, float)[None] / self.first
        lost = self.rise[:, None] * ratio ** -self.exponent[:, None]
        means: np.ndarray = self.asymptote[:, None] - lost
        return means

    def scores(self, labels: np.ndarray, seed: int = 0) -> np.ndarray:
        """Return what models trained with so many labels may score, noise included: [K, L]."""
        means = self.means(labels)
        noise = np.random.default_rng(seed).normal(size=means.shape) * self.noise[:, None]
        scores: np.ndarray = np.clip(means + noise, 0, 1)
        return scores

    def labels_for(self, target: float) -> np.ndarray:
        """Return with how many labels each curve reaches a score: [K]; infinity if it never does."""
        room = self.asymptote - target
        with np.errstate(divide="ignore", over="ignore"):
            ratio = np.where(room > 0, self.rise / np.maximum(room, 1e-300), np.inf)
            labels: np.ndarray = self.first * ratio ** (1 / self.exponent)
        return labels


def futures_of(points: Sequence[Point], noise: float = _NOISE) -> Futures | None:
    """Draw curves that fit the points of a campaign: the same ones, each time.

    Args:
      points: with three or more different numbers of labels, each above 0.
      noise: the prior's standard deviation of a score around its curve.

    Returns:
      The curves; None if hardly any curve that rises is compatible with the points.
    """
    labels, scores = (np.array(values, float) for values in zip(*sorted(points), strict=True))
    first, rng = labels[0], np.random.default_rng(0)
    # One column of the linear model per exponent: scores = A - R x.
    x = (labels / first) ** -_EXPONENTS[:, None]  # [B, M]
    center, mean = x.mean(1), scores.mean()
    spread = ((x - center[:, None]) ** 2).sum(1)
    slope = ((x - center[:, None]) * (scores - mean)).sum(1) / spread  # -R
    residual = ((scores - mean - slope[:, None] * (x - center[:, None])) ** 2).sum(1)
    scale = _NOISE_WEIGHT * noise**2 + residual
    degrees = _NOISE_WEIGHT + len(labels) - 2
    log_weight = -0.5 * (np.log(spread) + degrees * np.log(scale))
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    kept: list[np.ndarray] = []
    rounds = 0
    while sum(rows.shape[1] for rows in kept) < _WANTED and rounds < _ROUNDS:
        rounds += 1
        b = rng.choice(len(_EXPONENTS), _ROUND, p=weight)
        deviation = np.sqrt(scale[b] / rng.chisquare(degrees, _ROUND))
        rise = -slope[b] - deviation * rng.normal(size=_ROUND) / np.sqrt(spread[b])
        height = mean + deviation * rng.normal(size=_ROUND) / np.sqrt(len(labels))
        asymptote = height + rise * center[b]
        possible = (rise >= 0) & (rise <= asymptote) & (asymptote <= 1)
        rows = np.stack([asymptote, rise, _EXPONENTS[b], deviation])
        kept.append(rows[:, possible])
    drawn = np.concatenate(kept, axis=1)
    if drawn.shape[1] < _FEWEST * rounds * _ROUND:
        return None
    return Futures(int(first), *drawn[:, :_WANTED])

"""ClaSP PE: part of the batch for each predicted class, ranked by entropy with noise that fades.

Class-stratified sampling with power-noised entropy, as described for medical images (TMLR 2026): two
thirds of the batch are spread over the predicted classes, the rest is free; within either, images are
ranked by log(entropy) + Gumbel noise of scale 1 / beta, and beta rises from 1 to 100 as labels arrive.
"""

from __future__ import annotations

import numpy as np

from components.query.pool import Pool

REASON = "the model hesitates about a class whose turn it is"
_SPREAD = 2 / 3
_BETAS = (1.0, 100.0)


class Clasp:
    """Takes turns: two choices for classes, one for any image."""

    def __init__(self, pool: Pool, rng: np.random.Generator) -> None:
        tiny = np.finfo(np.float32).tiny
        labeled = len(pool.labeled.city)
        progress = min(1.0, labeled / max(1, labeled + len(pool)) * 2)
        beta = _BETAS[0] * (_BETAS[1] / _BETAS[0]) ** progress
        noise = rng.gumbel(scale=1 / beta, size=(len(pool), 1))
        entropy = np.log(np.maximum(pool.uncertainty["entropy"], tiny))
        self._any = entropy + noise[:, 0]
        self._by_class = np.log(np.maximum(pool.class_uncertainty, tiny)) + noise
        # By doubt, which has its place at predicted pixels alone: a share is a probability, and never 0.
        present = np.flatnonzero(pool.class_uncertainty.any(0))
        # Rare classes first: they have most to gain.
        self._turns = present[np.argsort(pool.labeled_share[present], kind="stable")]
        self._chosen = 0

    def scores(self, free: np.ndarray) -> np.ndarray:
        """Return the noisy logarithm of the entropy of the class whose turn it is, [N]."""
        for_classes = int(self._chosen * _SPREAD + 1e-9)
        if int((self._chosen + 1) * _SPREAD + 1e-9) == for_classes or not len(self._turns):
            return self._any
        out: np.ndarray = self._by_class[:, self._turns[for_classes % len(self._turns)]]
        return out

    def add(self, index: int) -> None:
        """Take note that a candidate was chosen."""
        self._chosen += 1


def rank(pool: Pool, rng: np.random.Generator, count: int) -> Clasp:
    """Rank by turns over the predicted classes, with noise."""
    return Clasp(pool, rng)

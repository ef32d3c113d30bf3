"""Say in words why an image was chosen, and which labeled or outstanding image looks most like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.contracts.process.words import counted
from components.query.pool import Pool
from components.query.scored import Alike
from components.query.strategies import kcenter
from tfds_cityscapes.labels import CLASS_NAMES

_FAR = 0.9  # share of the candidates that are nearer to a labeled image than one unlike anything labeled


class Explainer:
    """Explains choices from one pool."""

    def __init__(self, pool: Pool, labeled: Sequence[str], reason: str) -> None:
        """Measure the distances of all candidates to the labeled (or outstanding) images.

        Args:
          pool: as the strategy saw it.
          labeled: the ids of its labeled (or outstanding) images, in their order.
          reason: the strategy's, in words.
        """
        self._pool, self._labeled, self._reason = pool, labeled, reason
        self._distances = np.zeros(0)
        if pool.embeddings.size and pool.labeled_embeddings.size:
            ones = np.ones(len(pool), np.float32)
            self._distances = kcenter.KCenter(pool, ones).distances()

    def explain(self, index: int) -> str:
        """Return the reason for choosing the image at this place in the pool."""
        pool, parts = self._pool, [self._reason]
        if len(pool.class_uncertainty) and (names := _doubtful(pool.class_uncertainty[index])):
            parts.append(f"uncertain at {' and '.join(names)}")
        frames = _frames_away(pool, index)
        if frames == 0:
            parts.append("other regions of the image are labeled")
        elif frames is not None:
            parts.append(f"{counted(frames, 'frame')} from the nearest labeled or requested image")
        near = self.nearest(index)
        if near is not None and near.nearer >= _FAR and kcenter.REASON not in parts:
            parts.append(kcenter.REASON)
        return "; ".join(parts)

    def nearest(self, index: int) -> Alike | None:
        """Return the labeled or outstanding image most like a candidate; None without one, or without a look."""
        if not len(self._distances) or self._pool.ids[index] in self._labeled:
            return None
        pool, distance = self._pool, self._distances[index]
        away = np.linalg.norm(pool.labeled_embeddings - pool.embeddings[index], axis=1)
        nearer = float((self._distances < distance).mean())
        return Alike(self._labeled[int(away.argmin())], float(away.min()), nearer)


def _doubtful(uncertainty: np.ndarray) -> list[str]:
    """Return the names of the two predicted classes that contribute most to the entropy."""
    return [CLASS_NAMES[i] for i in np.argsort(-uncertainty)[:2] if uncertainty[i] > 0]


def _frames_away(pool: Pool, index: int) -> int | None:
    """Return the distance in time to the nearest labeled or outstanding image of the drive; None without one."""
    same = pool.labeled.sequence == pool.places.sequence[index]
    if not same.any():
        return None
    return int(np.abs(pool.labeled.rank[same] - pool.places.rank[index]).min())

"""Say in words why an image was chosen."""

from __future__ import annotations

import numpy as np

from components.query.pool import Pool
from tfds_cityscapes.labels import CLASS_NAMES


def explain(pool: Pool, index: int, reason: str) -> str:
    """Return the reason of a choice.

    Args:
      pool: as the strategy saw it.
      index: of the image in the pool.
      reason: the strategy's, in words.
    """
    parts = [reason]
    if len(pool.class_uncertainty):
        parts.append(f"uncertain at {' and '.join(_doubtful(pool.class_uncertainty[index]))}")
    frames = _frames_away(pool, index)
    if frames is not None:
        parts.append(f"{frames} frame{'' if frames == 1 else 's'} from the nearest labeled image")
    return "; ".join(part for part in parts if not part.endswith(" at "))


def _doubtful(uncertainty: np.ndarray) -> list[str]:
    """Return the names of the two predicted classes that contribute most to the entropy."""
    return [CLASS_NAMES[i] for i in np.argsort(-uncertainty)[:2] if uncertainty[i] > 0]


def _frames_away(pool: Pool, index: int) -> int | None:
    """Return the distance in time to the nearest labeled image of the drive; None without one."""
    same = pool.labeled.sequence == pool.places.sequence[index]
    if not same.any():
        return None
    return int(np.abs(pool.labeled.rank[same] - pool.places.rank[index]).min())


def nearest_labeled(pool: Pool, index: int) -> int | None:
    """Return the place of the labeled image that looks most like a candidate; None without one."""
    if not pool.labeled_embeddings.size:
        return None
    away = np.linalg.norm(pool.labeled_embeddings - pool.embeddings[index], axis=1)
    return int(away.argmin())

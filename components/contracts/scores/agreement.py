"""How far two label maps of the same images agree, beyond what chance alone would give."""

from __future__ import annotations

import numpy as np


def kappa(confusion: np.ndarray) -> float | None:
    """Return Cohen's kappa of two sets of predictions.

    It is (p - e) / (1 - e), where p is the share of pixels on which both agree and e the share on which
    they would if each kept its classes' shares but put them anywhere (Cohen, 1960).

    Args:
      confusion: pixels [C, C]; rows are the classes of one prediction, columns those of the other.

    Returns:
      At most 1; None without a pixel, or if both know one class only, the same.
    """
    total = confusion.sum()
    if not total:
        return None
    share = confusion / total
    expected = float(share.sum(0) @ share.sum(1))
    if expected >= 1:
        return None
    # Rounding may exceed 1 by a bit.
    return min(1.0, float((np.trace(share) - expected) / (1 - expected)))

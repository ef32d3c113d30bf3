"""Weigh the classes in the supervised loss."""

from __future__ import annotations

import numpy as np


def log_weights(pixel_counts: np.ndarray, offset: float = 1.02) -> np.ndarray:
    """Return 1 / ln(offset + share of the class), scaled to a mean of 1 over the labeled pixels.

    From ENet (Paszke et al., 2016), section 5.2, where the offset is 1.02.

    Args:
      pixel_counts: [C], labeled pixels of each class, at least 0.
      offset: above 1; the larger, the more equal the weights.

    Returns:
      float32 [C]. A class without a pixel gets 1 (it cannot occur in the loss), and so does every
      class if there is no pixel at all.
    """
    counts = np.asarray(pixel_counts, np.float64)
    weights = np.ones(len(counts))
    if counts.sum() == 0:
        return weights.astype(np.float32)
    share = counts / counts.sum()
    present = counts > 0
    weights[present] = 1.0 / np.log(offset + share[present])
    weights[present] /= (weights * share)[present].sum()
    return weights.astype(np.float32)

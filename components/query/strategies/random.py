"""Random: ask by chance, which is what every other strategy must beat. It needs no model."""

from __future__ import annotations

import hashlib

REASON = "drawn at random"


def draw(image_id: str, seed: int, cycle: int) -> float:
    """Return a number in [0, 1) that depends on the id, the seed and the cycle alone."""
    digest = hashlib.sha256(f"{seed}:{cycle}:{image_id}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48

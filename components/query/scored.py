"""A chosen image, as the ledger and the annotation tasks hold it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from components.contracts.regions.tiles import Tiles


@dataclass(frozen=True)
class Scored:
    """One chosen image.

    Attributes:
      score: higher = ask first; of regions, the highest.
      reason: why, in words.
      cost: annotation work, in images.
      tiles: the regions to label; None for the whole image.
    """

    image_id: str
    score: float
    reason: str
    cost: float = 1.0
    tiles: Tiles | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as the ledger's query event holds it."""
        values = asdict(self)
        if self.tiles is None:
            del values["tiles"]
        return values


@dataclass(frozen=True)
class Alike:
    """The labeled (or outstanding) image that looks most like a chosen one.

    Attributes:
      distance: between the embeddings, each column with deviation 1 over the train part.
      nearer: share of the candidates that are nearer to such an image.
    """

    image_id: str
    distance: float
    nearer: float

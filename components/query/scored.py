"""A chosen image, as the ledger and the annotation tasks hold it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Scored:
    """One chosen image. `score`: higher = ask first. `cost`: annotation work, in images."""

    image_id: str
    score: float
    reason: str
    cost: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return it as the ledger's query event holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Alike:
    """The labeled (or outstanding) image that looks most like a chosen one.

    Attributes:
      distance: between the embeddings, each column with deviation 1 over the train part.
      nearer: share of the candidates that are nearer to a labeled image.
    """

    image_id: str
    distance: float
    nearer: float

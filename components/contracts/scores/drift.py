"""How far the pool of a query is from the labeled images, in numbers."""

from __future__ import annotations

from pydantic import Field

from components.contracts.scores.report import Count, Fraction, Stored

SIGNIFICANT = (
    0.05  # an embedding distance counts if chance makes so large a one less often than this
)


class Drift(Stored):
    """The pool against the labeled images, as one model sees both.

    Attributes:
      images, labeled: how many images were compared.
      embedding: maximum mean discrepancy of their embeddings, 0 (the same) to 1.4.
      chance: how often images that are divided by chance are as far apart: a p-value.
      classes: Jensen-Shannon divergence of the predicted class shares in bits, 0 (the same) to 1.
      confidence: mean confidence on the pool minus that on the labeled images.
      limit: `query.drift_limit` at that time.
    """

    images: Count
    labeled: Count
    embedding: float = Field(ge=0)
    chance: Fraction
    classes: Fraction
    confidence: float = Field(ge=-1, le=1)
    limit: float | None = None

    @property
    def exceeded(self) -> list[str]:
        """What is above the limit, in words."""
        if self.limit is None:
            return []
        found = []
        if self.embedding > self.limit and self.chance <= SIGNIFICANT:
            found.append(f"embedding distance {self.embedding:.2f}")
        if self.classes > self.limit:
            found.append(f"divergence of the class shares {self.classes:.2f}")
        return found

    @property
    def words(self) -> str:
        """The numbers, and whether they are above the limit, as one line."""
        line = (
            f"embedding distance {self.embedding:.2f} (p {self.chance:.3f}), class shares "
            f"{self.classes:.3f}, confidence {100 * self.confidence:+.1f} points"
        )
        return f"{line}; above query.drift_limit={self.limit}" if self.exceeded else line

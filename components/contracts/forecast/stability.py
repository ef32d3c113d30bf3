"""Whether the predictions on the pool still change from cycle to cycle, in numbers and in words.

Bloodgood and Vijay-Shanker (A Method for Stopping Active Learning Based on Stabilizing Predictions, 2009)
stop when the kappa of consecutive models on unlabeled examples, the mean of the last three, is 0.99 or more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from components.contracts.process.words import counted
from components.contracts.scores.report import Count, Fraction, Stored

WINDOW = 3  # comparisons of which the mean counts

Kappa = Annotated[float, Field(ge=-1, le=1)]


class Stability(Stored):
    """How far a cycle's own model agrees with the one before on images of the pool.

    Attributes:
      kappa: of the pixels of all images together.
      cycle: that trained the model before.
      images: unlabeled images that both predicted.
      mean: of the last three comparisons; null before there are three.
      threshold: from which mean on the predictions count as stable.
    """

    kappa: Kappa
    cycle: Count
    images: Count
    mean: Kappa | None
    threshold: Fraction

    @property
    def stable(self) -> bool:
        """Whether the predictions have stabilised."""
        return self.mean is not None and self.mean >= self.threshold

    @property
    def words(self) -> str:
        """The comparison in a sentence."""
        images = counted(self.images, "image")
        text = f"Agreement with cycle {self.cycle} on {images} of the pool: kappa {self.kappa:.3f}"
        if self.mean is None:
            return f"{text}."
        verdict = "predictions have stabilised" if self.stable else "predictions still change"
        return f"{text}, {self.mean:.3f} over three cycles (stable from {self.threshold:g}): {verdict}."

    def metrics(self) -> dict[str, float | None]:
        """Return the numbers as metrics of MLflow."""
        return {"pool/kappa": self.kappa, "pool/kappa_mean": self.mean}


def stability_of(
    kappa: float, cycle: int, images: int, before: Sequence[float], threshold: float
) -> Stability:
    """Put a comparison and the ones before it together.

    Args:
      kappa: of this cycle's model and the one before.
      cycle: that trained the model before.
      images: that were compared.
      before: the kappas of earlier cycles, in order.
      threshold: of the recipe.
    """
    last = [*before, kappa][-WINDOW:]
    mean = sum(last) / WINDOW if len(last) == WINDOW else None
    return Stability(kappa=kappa, cycle=cycle, images=images, mean=mean, threshold=threshold)

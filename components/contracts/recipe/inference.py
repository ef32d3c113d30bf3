"""The settings of a prediction."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.contracts.recipe.base import Settings
from components.contracts.recipe.data import Size

Zoom = Annotated[float, Field(gt=0.1, le=4)]


class InferenceSettings(Settings):
    """How a model predicts an image: in one view, or averaged over several.

    Attributes:
      flip: also average over the mirrored image; doubles the time.
      scales: factors by which the stored image is zoomed; the prediction is the average over all.
      window: height and width in pixels of a window that slides over each zoomed image; None predicts
        the image as a whole, unless it has more than eight million pixels and the network looks too far
        for smaller parts: then windows of 768x768.
      overlap: share of its height and width that a window has in common with the next.
    """

    flip: bool = False
    scales: tuple[Zoom, ...] = Field(default=(1.0,), strict=False, min_length=1)
    window: Size | None = None
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.33

    @property
    def words(self) -> str:
        """Describe the settings in a few words."""
        parts = ["whole" if self.window is None else "in windows of {}x{}".format(*self.window)]
        if self.flip:
            parts.append("mirrored too")
        if self.scales != (1.0,):
            parts.append(f"at {', '.join(f'{scale:g}' for scale in self.scales)} times its size")
        return ", ".join(parts)

"""How images are shown to a generator: light, so that reading a recipe needs no OpenCV."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.contracts.recipe.base import Settings
from components.contracts.recipe.data import Size

Zoom = Annotated[float, Field(gt=0.1, le=4)]


class InferenceSettings(Settings):
    """How an image is shown to the generator.

    Attributes:
      flip: average with the mirrored image.
      scales: average over these zooms of the stored image.
      window: height and width of a sliding window over each zoomed image; None shows it whole.
      overlap: share of a window that it shares with the next.
    """

    flip: bool = False
    scales: tuple[Zoom, ...] = Field(default=(1.0,), strict=False, min_length=1)
    window: Size | None = None
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.33

    @property
    def words(self) -> str:
        """How images are shown, in a few words."""
        parts = ["whole" if self.window is None else "in windows of {}x{}".format(*self.window)]
        if self.flip:
            parts.append("mirrored too")
        if self.scales != (1.0,):
            parts.append(f"at {', '.join(f'{scale:g}' for scale in self.scales)} times its size")
        return ", ".join(parts)

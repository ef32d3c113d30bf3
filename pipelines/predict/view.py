"""How `streetloop predict` shows an image to the network."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.contracts.process.errors import UsageError
from components.contracts.recipe.data import LEAST_SIDE, MOST_SIDE
from components.contracts.recipe.inference import InferenceSettings

SAME_SHAPE = 1.15  # photos whose aspect ratio differs by less are squeezed, as records are
Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class View:
    """The options of a command line; None leaves the choice to the model.

    Attributes:
      size: at which the network sees an image; None: see `seen_size`.
      flip, scales, window: as in `InferenceSettings`.
    """

    size: Size | None = None
    flip: bool | None = None
    scales: tuple[float, ...] | None = None
    window: Size | None = None

    @classmethod
    def parse(
        cls, size: str | None, flip: bool | None, scales: str | None, window: str | None
    ) -> View:
        """Read the options as a user writes them.

        Raises:
          UsageError: a size is not HxW, or a value is impossible (sizes have the limits of a recipe's).
        """
        shown = None if size is None else _parse_size(size, "--size")
        try:
            view = cls(
                shown,
                flip,
                None if scales is None else tuple(float(text) for text in scales.split(",")),
                None if window is None else _parse_size(window, "--window"),
            )
            view.over(InferenceSettings())
        except ValueError as error:
            raise UsageError(
                f"Impossible --scales {scales!r}. Expected numbers from 0.1 to 4, as 0.75,1,1.25."
            ) from error
        return view

    def over(self, own: InferenceSettings) -> InferenceSettings:
        """Return the settings of a model's recipe, with what the command line changes."""
        given = {"flip": self.flip, "scales": self.scales, "window": self.window}
        changes = {name: value for name, value in given.items() if value is not None}
        return InferenceSettings.model_validate(own.model_dump() | changes)


def seen_size(own: Size, trained: Size | None) -> Size:
    """Return the size at which the network sees an image.

    Args:
      own: the image's height and width.
      trained: height and width of the images that the model was trained on, or None if unknown.

    Returns:
      `trained` for an image of nearly that shape (aspect ratios at most 15 % apart), since records
      of such images were squeezed to it: the scores are then those of `evaluate`. For other shapes,
      the image's proportions at that area. The image's own size if `trained` is None.
    """
    height, width = own
    if trained is None:
        return own
    ratio = (width * trained[0]) / (height * trained[1])
    if max(ratio, 1 / ratio) <= SAME_SHAPE:
        return trained
    factor = (trained[0] * trained[1] / (height * width)) ** 0.5
    return max(1, round(height * factor)), max(1, round(width * factor))


def _parse_size(text: str, option: str) -> Size:
    found = re.fullmatch(r"(\d+)x(\d+)", text, re.ASCII | re.IGNORECASE)
    if found is None:
        raise UsageError(f"Not a size: {option} {text!r}. Expected HEIGHTxWIDTH, as 256x512.")
    # Python does not read numbers of thousands of digits.
    height, width = (int(side) if len(side) < 10 else MOST_SIDE + 1 for side in found.groups())
    if not all(LEAST_SIDE <= side <= MOST_SIDE for side in (height, width)):
        raise UsageError(
            f"Impossible size: {option} {text[:40]}. Expected a height and a width from {LEAST_SIDE} to "
            f"{MOST_SIDE} pixels, as 256x512."
        )
    return height, width

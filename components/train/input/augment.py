"""Change training images: weakly for every network, strongly for the student alone.

Each change is a function of a NumPy generator, so that a step's images depend on nothing but the
seed and the step.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from components.contracts.recipe.train import AugmentSettings
from components.train.input import colour
from tfds_cityscapes.labels import IGNORE_LABEL


def weak(
    image: np.ndarray,
    label: np.ndarray | None,
    crop: tuple[int, int],
    settings: AugmentSettings,
    rng: np.random.Generator,
    around: tuple[int, int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Zoom, crop and mirror an image together with its labels.

    Args:
      image: uint8 [h, w, 3].
      label: train ids, uint8 [h, w]; None for an image without labels, which counts as 0 inside.
      crop: height and width of the result.
      settings: ranges.
      rng: the only source of randomness.
      around: row and column of a pixel that the crop must hold; None for any crop.

    Returns:
      image uint8 [crop..., 3] and label uint8 [crop...]. Where the zoomed image does not fill the
      crop, pixels are padding: the image's mean colour, and 255 (ignore) in the label.
    """
    if label is None:
        label = np.zeros(image.shape[:2], np.uint8)
    zoom = float(np.exp(rng.uniform(np.log(settings.scale[0]), np.log(settings.scale[1]))))
    # At scale 1 the whole image fills the crop.
    zoom *= max(crop[0] / image.shape[0], crop[1] / image.shape[1])
    pixel = around or (None, None)
    y, x = (
        _window(n, c, zoom, rng, at) for n, c, at in zip(image.shape[:2], crop, pixel, strict=True)
    )
    window = np.s_[y.first : y.first + y.taken, x.first : x.first + x.taken]
    size = (x.filled, y.filled)
    mean = None if size == (crop[1], crop[0]) else cv2.mean(image)[:3]
    # Only the window is resized: of a large image that is a fraction of the work. Down to one half,
    # two taps per axis read every pixel, and averaging areas would take eight times as long.
    smooth = cv2.INTER_LINEAR if zoom > 0.5 else cv2.INTER_AREA
    image = cv2.resize(image[window], size, interpolation=smooth)
    # "Exact" keeps labels on their pixels: plain "nearest" shifts by half a block when shrinking.
    label = cv2.resize(label[window], size, interpolation=cv2.INTER_NEAREST_EXACT)
    if mean is not None:
        border = (y.before, crop[0] - y.before - y.filled, x.before, crop[1] - x.before - x.filled)
        image = cv2.copyMakeBorder(image, *border, cv2.BORDER_CONSTANT, value=mean)
        label = cv2.copyMakeBorder(label, *border, cv2.BORDER_CONSTANT, value=IGNORE_LABEL)
    if settings.flip and rng.random() < 0.5:
        image, label = cv2.flip(image, 1), cv2.flip(label, 1)
    return image, label


class _Window(NamedTuple):
    """Along one axis: which pixels of the image fill which pixels of the crop."""

    first: int  # of the image
    taken: int
    before: int  # pixels of padding before the filled ones
    filled: int


def _window(
    length: int, crop: int, zoom: float, rng: np.random.Generator, at: int | None
) -> _Window:
    """Draw a window that becomes the crop when it is zoomed; all of an image that is too short.

    With `at`, the window holds that pixel.
    """
    filled = min(crop, max(1, round(length * zoom)))
    taken = length if filled < crop else min(length, max(1, round(crop / zoom)))
    lowest, highest = 0, length - taken
    if at is not None:
        lowest, highest = max(0, at - taken + 1), min(highest, at)
    first = int(rng.integers(lowest, highest + 1))
    return _Window(first, taken, int(rng.integers(0, crop - filled + 1)), filled)


def strong(image: np.ndarray, settings: AugmentSettings, rng: np.random.Generator) -> np.ndarray:
    """Change colours and sharpness, never geometry: uint8 [h, w, 3] to the same.

    Colour jitter, greyscale and blur are those of UniMatch (Yang et al., 2023), appendix.
    """
    # Every number is drawn whether it is used or not: later draws do not depend on these.
    draws = rng.random(3)
    amounts = np.array([1.0, 1.0, 1.0, 0.0]) + settings.jitter * rng.uniform(-1, 1, 4)
    order = rng.permutation(4)
    sigma = float(rng.uniform(0.1, 2.0))
    out = image
    if draws[0] < settings.jitter_share:
        out = colour.jitter(out, amounts.tolist(), order.tolist())
    if draws[1] < settings.grey_share:
        out = colour.grey(out)
    if draws[2] < settings.blur_share:
        out = cv2.GaussianBlur(out, (0, 0), sigma)
    return out if out is not image else image.copy()


def cutmix_box(
    size: tuple[int, int], settings: AugmentSettings, rng: np.random.Generator
) -> np.ndarray:
    """Draw a rectangle to paste over another image: bool [H, W]; all False if CutMix is not drawn.

    Its area is 2 % to 40 % of the image, its aspect ratio 0.3 to 1/0.3 (French et al., 2020;
    UniMatch).
    """
    mask = np.zeros(size, bool)
    draw, share, ratio = rng.random(), rng.uniform(0.02, 0.4), rng.uniform(0.3, 1 / 0.3)
    height = min(size[0], round(np.sqrt(share * size[0] * size[1] * ratio)))
    width = min(size[1], round(np.sqrt(share * size[0] * size[1] / ratio)))
    y, x = int(rng.integers(0, size[0] - height + 1)), int(rng.integers(0, size[1] - width + 1))
    if draw < settings.cutmix_share:
        mask[y : y + height, x : x + width] = True
    return mask

"""Change training images: weakly for every network, strongly for the student alone.

Each change is a function of a NumPy generator, so that a step's images depend on nothing but the
seed and the step.
"""

from __future__ import annotations

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
) -> tuple[np.ndarray, np.ndarray]:
    """Zoom, crop and mirror an image together with its labels.

    Args:
      image: uint8 [h, w, 3].
      label: train ids, uint8 [h, w]; None for an image without labels, which counts as 0 inside.
      crop: height and width of the result.
      settings: ranges.
      rng: the only source of randomness.

    Returns:
      image uint8 [crop..., 3] and label uint8 [crop...]. Where the zoomed image does not fill the
      crop, pixels are padding: the image's mean colour, and 255 (ignore) in the label.
    """
    height, width = image.shape[:2]
    if label is None:
        label = np.zeros((height, width), np.uint8)
    zoom = float(np.exp(rng.uniform(np.log(settings.scale[0]), np.log(settings.scale[1]))))
    # At scale 1 the whole image fills the crop.
    zoom *= max(crop[0] / height, crop[1] / width)
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR if zoom > 1 else cv2.INTER_AREA)
    # "Exact" keeps labels on their pixels: plain "nearest" shifts by half a block when shrinking.
    label = cv2.resize(label, size, interpolation=cv2.INTER_NEAREST_EXACT)
    image, label = _crop(image, label, crop, rng)
    if settings.flip and rng.random() < 0.5:
        image, label = image[:, ::-1], label[:, ::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(label)


def _crop(
    image: np.ndarray, label: np.ndarray, crop: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    height, width = label.shape
    lack = max(0, crop[0] - height), max(0, crop[1] - width)
    if any(lack):
        top, left = (int(rng.integers(0, n + 1)) for n in lack)
        border = (top, lack[0] - top, left, lack[1] - left)
        mean = tuple(float(v) for v in image.mean((0, 1)))
        image = cv2.copyMakeBorder(image, *border, cv2.BORDER_CONSTANT, value=mean)
        label = cv2.copyMakeBorder(label, *border, cv2.BORDER_CONSTANT, value=IGNORE_LABEL)
    y, x = (int(rng.integers(0, n - c + 1)) for n, c in zip(label.shape, crop, strict=True))
    return image[y : y + crop[0], x : x + crop[1]], label[y : y + crop[0], x : x + crop[1]]


def strong(image: np.ndarray, settings: AugmentSettings, rng: np.random.Generator) -> np.ndarray:
    """Change colours and sharpness, never geometry: uint8 [h, w, 3] to the same.

    Colour jitter, greyscale and blur are those of UniMatch (Yang et al., 2023), appendix.
    """
    # Every number is drawn whether it is used or not: later draws do not depend on these.
    draws = rng.random(3)
    amounts = np.array([1.0, 1.0, 1.0, 0.0]) + settings.jitter * rng.uniform(-1, 1, 4)
    order = rng.permutation(4)
    sigma = float(rng.uniform(0.1, 2.0))
    out = image.astype(np.float32)
    if draws[0] < settings.jitter_share:
        out = colour.jitter(out, amounts.tolist(), order.tolist())
    if draws[1] < settings.grey_share:
        out = colour.grey(out)
    if draws[2] < settings.blur_share:
        out = cv2.GaussianBlur(out, (0, 0), sigma)
    return np.rint(out).astype(np.uint8)


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

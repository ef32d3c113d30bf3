"""Changes of a training image: weak ones for everybody, strong ones for the student.

All of them are functions of a NumPy generator, so that a step's images depend on nothing but the
seed and the step.
"""

from __future__ import annotations

import cv2
import numpy as np

from components.contracts.recipe.train import AugmentSettings
from tfds_cityscapes.labels import IGNORE_LABEL


def weak(
    image: np.ndarray,
    label: np.ndarray | None,
    crop: tuple[int, int],
    settings: AugmentSettings,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Zooms, crops and mirrors an image together with its labels.

    Args:
      image: uint8 [h, w, 3].
      label: train ids, uint8 [h, w]; None stands for "no label": 0 inside the image.
      crop: height and width of the result.
      settings: ranges.
      rng: the only source of chance.

    Returns:
      image uint8 [crop..., 3] and label uint8 [crop...]. Where the zoomed image does not fill the
      crop, pixels are padding: the image's mean colour, and 255 (ignore) in the label.
    """
    height, width = image.shape[:2]
    if label is None:
        label = np.zeros((height, width), np.uint8)
    zoom = float(np.exp(rng.uniform(np.log(settings.scale[0]), np.log(settings.scale[1]))))
    # Scale 1 is the crop's own size filled by the whole image.
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
    """Changes colours and sharpness, never geometry: uint8 [h, w, 3] to the same.

    Colour jitter, greyscale and blur as in UniMatch (Yang et al., 2023), appendix.
    """
    out = image.astype(np.float32)
    brightness, contrast, saturation, hue = settings.jitter
    # All chances are drawn whatever is used: the next image's do not depend on this one's.
    draws = rng.random(3)
    factors = rng.uniform(-1, 1, 4)
    sigma = float(rng.uniform(0.1, 2.0))
    if draws[0] < settings.jitter_share:
        out *= 1 + brightness * factors[0]
        out = (out - out.mean()) * (1 + contrast * factors[1]) + out.mean()
        grey = out.mean(2, keepdims=True)
        out = (out - grey) * (1 + saturation * factors[2]) + grey
        out = _turn_hue(out, hue * factors[3])
    if draws[1] < settings.grey_share:
        out = np.repeat(out.mean(2, keepdims=True), 3, axis=2)
    if draws[2] < settings.blur_share:
        out = cv2.GaussianBlur(out, (0, 0), sigma)
    return np.clip(out, 0, 255).astype(np.uint8)


def _turn_hue(image: np.ndarray, turn: float) -> np.ndarray:
    """Turns colours about the grey axis by `turn` of a half circle."""
    angle = turn * np.pi
    cosine, sine = np.cos(angle), np.sin(angle)
    a = (1 - cosine) / 3
    b = np.sqrt(1 / 3) * sine
    matrix = np.array(
        [[cosine + a, a - b, a + b], [a + b, cosine + a, a - b], [a - b, a + b, cosine + a]],
        np.float32,
    )
    return image @ matrix.T


def cutmix_box(
    size: tuple[int, int], settings: AugmentSettings, rng: np.random.Generator
) -> np.ndarray:
    """A rectangle to paste over another image: bool [H, W], all False if none is drawn.

    Area 2 % to 40 % of the image, aspect ratio 0.3 to 1/0.3 (French et al., 2020; UniMatch).
    """
    mask = np.zeros(size, bool)
    draw, share, ratio = rng.random(), rng.uniform(0.02, 0.4), rng.uniform(0.3, 1 / 0.3)
    height = min(size[0], round(np.sqrt(share * size[0] * size[1] * ratio)))
    width = min(size[1], round(np.sqrt(share * size[0] * size[1] / ratio)))
    y, x = int(rng.integers(0, size[0] - height + 1)), int(rng.integers(0, size[1] - width + 1))
    if draw < settings.cutmix_share:
        mask[y : y + height, x : x + width] = True
    return mask

"""Measure how fast training images are made: images per second and core, before and after.

    python -m benchmarks.input [--size 1024x2048] [--crop 512x512] [--images 40] [--rounds 3]

One thread makes the weak and the strong view of images that are already decoded. "Before" is how it
was done in version 0.1: the whole image was resized and then cropped, and colours were changed
as floats. "After" is the code that trains. Processor time counts, so that other work on the machine
changes little; the best of several rounds is printed. The pipeline runs all of it, with decoding,
on every core at once: that line is by the clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np
import tensorflow as tf

from components.contracts.process.cpus import usable_cpus
from components.contracts.recipe.train import AugmentSettings, TrainSettings
from components.train.input.augment import strong, weak
from components.train.input.memory import Budget
from components.train.input.stream import Pool, batches
from tfds_cityscapes.synthetic.__main__ import parse_size

STREETS = 4


class Street:
    """Records of a few images in memory."""

    def __init__(self, size: tuple[int, int]) -> None:
        rng = np.random.default_rng(0)
        self.pairs = []
        for _ in range(STREETS):
            coarse = rng.integers(0, 256, (size[0] // 16, size[1] // 16, 3), np.uint8)
            image = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
            blocks = rng.integers(0, 19, (size[0] // 32, size[1] // 32), np.uint8)
            label = cv2.resize(blocks, size[::-1], interpolation=cv2.INTER_NEAREST)
            self.pairs.append((image, label))
        self.files = [(_png(image), _png(label)) for image, label in self.pairs]

    def encoded(self, image_id: str) -> tuple[bytes, bytes]:
        return self.files[int(image_id)]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=parse_size, default=(1024, 2048), metavar="HxW")
    parser.add_argument("--crop", type=parse_size, default=(512, 512), metavar="HxW")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    street, settings = Street(args.size), AugmentSettings()

    def before(image: np.ndarray, label: np.ndarray, rng: np.random.Generator) -> None:
        _floats(_whole_first(image, label, args.crop, settings, rng), settings, rng)

    def after(image: np.ndarray, label: np.ndarray, rng: np.random.Generator) -> None:
        strong(weak(image, label, args.crop, settings, rng)[0], settings, rng)

    old, new = (_rate(way, street, args) for way in (before, after))
    print(f"{args.size[0]}x{args.size[1]} to {args.crop[0]}x{args.crop[1]}, weak and strong view")
    print(f"  before  {old:7.1f} images per second and core")
    print(f"  after   {new:7.1f} images per second and core, {new / old:.1f} times as many")
    decode = _rate(lambda *_: Pool(street, ["0"], Budget(0))[0], street, args)  # type: ignore[arg-type]
    print(f"  decode  {decode:7.1f} images per second and core, for PNG that memory does not hold")
    print(f"  all     {_pipeline(street, args):7.1f} images per second on {usable_cpus()} cores")


def _rate(way: Callable[..., object], street: Street, args: argparse.Namespace) -> float:
    """Return images per second of processor time."""
    best = float("inf")
    for _ in range(args.rounds):
        start = time.thread_time()
        for k in range(args.images):
            way(*street.pairs[k % STREETS], np.random.default_rng(k))
        best = min(best, time.thread_time() - start)
    return args.images / best


def _pipeline(street: Street, args: argparse.Namespace) -> float:
    """Return images per second by the clock of what feeds the steps, from images in memory."""
    count = 4
    settings = TrainSettings(
        steps=2 + args.images // count, batch_size=count, unlabeled_batch_size=0, crop=args.crop,
        augment=AugmentSettings(labeled_strong_share=1.0),
    )  # fmt: skip
    pool = Pool(street, [str(k) for k in range(STREETS)], Budget(1 << 40))  # type: ignore[arg-type]
    rows = iter(batches(pool, None, settings, seed=0, first=0))
    for _ in range(2):  # decode
        next(rows)
    start = time.perf_counter()
    made = sum(tf.shape(row["image"])[0].numpy() for row in rows)
    return float(made / (time.perf_counter() - start))


def _whole_first(
    image: np.ndarray,
    label: np.ndarray,
    crop: tuple[int, int],
    settings: AugmentSettings,
    rng: np.random.Generator,
) -> np.ndarray:
    """Resize all of the image and its labels, then crop them; return the image."""
    zoom = float(np.exp(rng.uniform(*np.log(settings.scale))))
    zoom *= max(crop[0] / image.shape[0], crop[1] / image.shape[1])
    size = (round(image.shape[1] * zoom), round(image.shape[0] * zoom))
    image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR if zoom > 1 else cv2.INTER_AREA)
    label = cv2.resize(label, size, interpolation=cv2.INTER_NEAREST_EXACT)
    down, right = (max(0, c - n) for c, n in zip(crop, label.shape, strict=True))
    if down or right:
        mean = image.mean((0, 1)).tolist()
        image = cv2.copyMakeBorder(image, 0, down, 0, right, cv2.BORDER_CONSTANT, value=mean)
    y, x = (int(rng.integers(0, n - c + 1)) for n, c in zip(image.shape[:2], crop, strict=True))
    return np.ascontiguousarray(image[y : y + crop[0], x : x + crop[1]][:, ::-1])


def _floats(image: np.ndarray, settings: AugmentSettings, rng: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast, saturation, hue and sharpness as floats."""
    draws, amounts = rng.random(3), 1 + np.array(settings.jitter) * rng.uniform(-1, 1, 4)
    out = image.astype(np.float32)
    if draws[0] < settings.jitter_share:
        out = np.clip(out * np.float32(amounts[0]), 0, 255)
        for mean_of, share in ((np.mean, amounts[1]), (lambda grey: grey[..., None], amounts[2])):
            other = mean_of(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY))
            out = np.clip(np.float32(share) * out + np.float32(1 - share) * other, 0, 255)
        hsv = cv2.cvtColor(out / np.float32(255), cv2.COLOR_RGB2HSV)
        hsv[..., 0] = (hsv[..., 0] + np.float32(360 * (amounts[3] - 1))) % 360
        out = np.clip(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255, 0, 255)
    if draws[1] < settings.grey_share:
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if draws[2] < settings.blur_share:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.1, 2.0)))
    return np.rint(out).astype(np.uint8)


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


if __name__ == "__main__":
    main()

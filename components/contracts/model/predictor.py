"""A generator at work on whole images: class probabilities of any size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from components.contracts.model import bands, strips
from components.contracts.model.bands import STRIDE
from components.contracts.model.reach import reach_of
from components.contracts.model.windows import Windows, in_windows, windows_over
from components.contracts.recipe.inference import InferenceSettings
from tfds_cityscapes.labels import NUM_CLASSES

# Views, windows and images of one size form batches of this many pixels. On two cores the demo's
# generator took 16 ms of processor time per image of 96x192 in fours and 21 ms alone, but 164 ms
# per image of 384x480 alone and 193 ms in pairs: its layers outgrow the cache. A GPU wants large
# batches; its number has not been measured.
PIXELS_PER_BATCH = {"CPU": 80_000, "GPU": 2**21}
# A view of more pixels is never seen as a whole: it would take 4 GB and more. Where the network looks so
# far that parts would save little, windows of this size slide over it.
TOO_LARGE = 2**23
WINDOW = (768, 768)


class Predictor:
    """Predicts class probabilities, averaged over the views that the settings name.

    Attributes:
      generator: the network.
    """

    def __init__(self, generator: Any, settings: InferenceSettings | None = None) -> None:
        self.generator = generator
        self._settings = settings or InferenceSettings()
        self._traced: dict[tuple[int, int], Any] = {}  # by size: street scenes have few

    def without_flip(self) -> Predictor:
        """Return this predictor, or one like it that does not average over the mirrored image."""
        if not self._settings.flip:
            return self
        return Predictor(self.generator, self._settings.model_copy(update={"flip": False}))

    def probabilities(
        self,
        image: np.ndarray,
        size: tuple[int, int] | None = None,
        seen: np.ndarray | None = None,
    ) -> np.ndarray:
        """Predict one image.

        Args:
          image: uint8 [h, w, 3], RGB, any size.
          size: height and width of the result; None for the image's own.
          seen: the network's probabilities for the image as it is, if they are already known and
            `sees_alone`: float32 [h, w, 19].

        Returns:
          float32 [H, W, 19]; each pixel sums to 1.
        """
        result = np.empty((*(size or image.shape[:2]), NUM_CLASSES), np.float32)
        known = None if seen is None else seen[None]
        strips.fill(result, next(self._maps(image[None], known)))
        return result

    def sees_alone(self, size: tuple[int, int]) -> bool:
        """Return whether an image of this size passes through the network as it is, and by itself."""
        if 1.0 not in self._settings.scales or windows_over(size, self._settings) is not None:
            return False
        # With other images in a batch, a result may differ in its last bits.
        mirrored_too = (
            self._settings.flip and images_per_batch(math.prod(map(bands.round_up, size))) > 1
        )
        return not mirrored_too and not self._in_parts(size)

    def batch(self, images: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
        """Predict images of one size together; each as `probabilities` would.

        Args:
          images: uint8 [B, h, w, 3], RGB.
          size: height and width of the results; None for the images' own.

        Returns:
          float32 [B, H, W, 19]; each pixel sums to 1.
        """
        size = size or images.shape[1:3]
        result = np.empty((len(images), *size, NUM_CLASSES), np.float32)
        for probabilities, maps in zip(result, self._maps(images), strict=True):
            strips.fill(probabilities, maps)
        return result

    def classes(self, image: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
        """Predict the train ids of one image: uint8 [H, W].

        The result is `probabilities(image, size).argmax(-1)`, but the probabilities are never in
        memory at `size`: a photo of any size takes little more than its label map.
        """
        return strips.classes(next(self._maps(image[None])), size or image.shape[:2])

    def decide(self, images: np.ndarray, size: tuple[int, int]) -> Iterator[strips.Decision]:
        """Predict images of one size together; yield for each what is most probable, and how much.

        Args:
          images: uint8 [B, h, w, 3], RGB.
          size: height and width of the results.
        """
        for maps in self._maps(images):
            yield strips.decide(maps, size)

    def _maps(
        self, images: np.ndarray, seen: np.ndarray | None = None
    ) -> Iterator[list[strips.Rows]]:
        """Yield for each image its probabilities, one map [h, w, 19] for each zoom, at that zoom."""
        sizes = [self._zoomed(images, scale) for scale in self._settings.scales]
        # Large views are computed when they are read; small ones here, all images together.
        own = images.shape[1:3]
        small = {
            size: self._whole(images, size, seen if size == own else None)
            for size in sizes
            if not self._in_parts(size)
        }
        for index, image in enumerate(images):
            yield [
                strips.Whole(small[size][index])
                if size in small
                else strips.Stream(size, self._chunks(image, size))
                for size in sizes
            ]

    @staticmethod
    def _zoomed(images: np.ndarray, scale: float) -> tuple[int, int]:
        height, width = images.shape[1:3]
        return round(height * scale), round(width * scale)

    def _whole(
        self, images: np.ndarray, size: tuple[int, int], seen: np.ndarray | None = None
    ) -> np.ndarray:
        """Predict images at one zoom: float32 [B, h, w, 19], summed over the flips."""
        import tensorflow as tf

        view = tf.cast(images, tf.float32)
        if size != images.shape[1:3]:
            view = tf.image.resize(view, size)
        views = [view] if seen is None else []
        views += [view[:, :, ::-1]] if self._settings.flip else []
        found = tf.split(self._whole_or_windows(tf.concat(views, 0)), len(views)) if views else []
        plain, *mirrored = found if seen is None else [tf.constant(seen), *found]
        # Resizing is linear, so the sum is resized, once.
        summed: np.ndarray = (plain + mirrored[0][:, :, ::-1] if mirrored else plain).numpy()
        return summed

    def _in_parts(self, size: tuple[int, int]) -> bool:
        """Return whether a view is so large that it is computed in parts; it may not be possible."""
        if size[0] * size[1] <= bands.LARGE:
            return False
        return self._windows(size) is not None or self._saves_memory(size)

    def _saves_memory(self, size: tuple[int, int]) -> bool:
        """Return whether parts that give the same bits are small enough to be worth it."""
        if self._reach is None:
            return False
        rows, columns = bands.part_size(size, self._reach)
        return 2 * rows * columns <= size[0] * size[1]

    def _windows(self, size: tuple[int, int]) -> Windows | None:
        """Return the windows over a view: the recipe's, or those that a huge one needs; None for none."""
        found = windows_over(size, self._settings)
        if found is None and size[0] * size[1] > TOO_LARGE and not self._saves_memory(size):
            return windows_over(size, self._settings.model_copy(update={"window": WINDOW}))
        return found

    def _chunks(self, image: np.ndarray, size: tuple[int, int]) -> Iterator[np.ndarray]:
        """Predict one large image at one zoom, as `_whole` does: float32 [n, w, 19]."""
        plain = self._parts(bands.View(image, size, mirrored=False))
        if not self._settings.flip:
            yield from plain
            return
        mirrored = self._parts(bands.View(image, size, mirrored=True))
        for chunk, other in zip(plain, mirrored, strict=True):
            yield chunk + other[:, ::-1]

    def _parts(self, view: bands.View) -> Iterator[np.ndarray]:
        def network(part: np.ndarray) -> np.ndarray:
            found: np.ndarray = self._forward(part).numpy()
            return found

        if (windows := self._windows(view.size)) is not None:
            return in_windows(network, view, windows)
        assert self._reach is not None
        return bands.in_bands(network, view, self._reach)

    @cached_property
    def _reach(self) -> int | None:
        return reach_of(self.generator)

    def _whole_or_windows(self, views: Any) -> Any:
        """Predict views [N, h, w, 3]: probabilities [N, h, w, 19]."""
        import tensorflow as tf

        number, height, width = views.shape[:3]
        windows = windows_over((height, width), self._settings)
        if windows is None:
            return self._forward(views)
        (rows, columns), tops, lefts = windows
        parts = [
            np.s_[:, top : top + rows, left : left + columns] for top in tops for left in lefts
        ]
        total = np.zeros((number, height, width, NUM_CLASSES), np.float32)
        times = np.zeros((1, height, width, 1), np.float32)
        predicted = self._forward(tf.concat([views[part] for part in parts], 0))
        for part, probabilities in zip(parts, tf.split(predicted, len(parts)), strict=True):
            total[part] += probabilities.numpy()
            times[part] += 1
        return tf.constant(total / times)

    def _forward(self, views: Any) -> Any:
        """Predict [N, h, w, 3] in batches: probabilities [N, h, w, 19]."""
        import tensorflow as tf

        height, width = views.shape[1:3]
        padded = pad_to_stride(views)
        step = images_per_batch(padded.shape[1] * padded.shape[2])
        network = self._network(padded.shape[1:3])
        parts = [network(padded[i : i + step]) for i in range(0, len(padded), step)]
        return tf.concat(parts, 0)[:, :height, :width]

    def _network(self, size: tuple[int, int]) -> Any:
        """Trace the generator once per size, for any number of images."""
        import tensorflow as tf

        if size not in self._traced:
            self._traced[size] = tf.function(
                lambda images: tf.nn.softmax(self.generator(images, training=False)),
                input_signature=[tf.TensorSpec([None, *size, 3], tf.float32)],
                autograph=False,
            )
        return self._traced[size]


def pad_to_stride(image: Any) -> np.ndarray:
    """Pad below and on the right, by repeating the border, up to multiples of STRIDE.

    Args:
      image: [..., H, W, C], an array or an eager tensor.

    Returns:
      An array of the same dtype; the image is its top left part.
    """
    image = np.asarray(image)
    rows, columns = (-image.shape[axis] % STRIDE for axis in (-3, -2))
    widths = [(0, 0)] * (image.ndim - 3) + [(0, rows), (0, columns), (0, 0)]
    return np.pad(image, widths, mode="edge")


def images_per_batch(pixels: int) -> int:
    """Return how many images of `pixels` pixels form a batch; at least one."""
    import tensorflow as tf

    device = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return max(1, PIXELS_PER_BATCH[device] // max(1, pixels))

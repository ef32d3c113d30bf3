"""Features of a frozen encoder, computed once per image and read as often as a fit needs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.contracts.data.records import INDEX, Records
from components.contracts.model.encoders.build import build_encoder
from components.contracts.model.predictor import pad_to_stride
from components.contracts.process.errors import StreetloopError
from components.contracts.process.files import write_text
from components.contracts.recipe.networks import EncoderSettings

STRIDE = 8  # the stride at which a head works
_COARSEST = 32
_MAPS, _MEANS = "maps.npy", "means.npy"


class Features:
    """The features of some images; the maps stay on disk until they are read.

    Attributes:
      ids: of the images, in the order of the rows.
      means: float32 [N, C], the mean of each channel over the image.
    """

    def __init__(self, folder: Path) -> None:
        """Open what `write_features` wrote."""
        self.ids: list[str] = json.loads((folder / INDEX).read_text())
        self.means: np.ndarray = np.load(folder / _MEANS)
        self._maps = np.load(folder / _MAPS, mmap_mode="r")
        self._row = {image_id: row for row, image_id in enumerate(self.ids)}

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one map."""
        height, width, channels = self._maps.shape[1:]
        return height, width, channels

    def read(self, ids: Sequence[str]) -> np.ndarray:
        """Return maps, float16 [B, h, w, C]."""
        return np.stack([self._maps[self._row[i]] for i in ids])

    def mean(self, image_id: str) -> np.ndarray:
        """Return the mean of each channel over an image, float32 [C]."""
        mean: np.ndarray = self.means[self._row[image_id]]
        return mean


def write_features(
    records: Records,
    ids: Sequence[str],
    encoder: EncoderSettings,
    folder: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Compute and store the features of images.

    Maps at the strides 4 to 32 are resized to stride 8 and put side by side; each channel is scaled to
    mean 0 and deviation 1 over these images, and kept as float16.

    Args:
      records: hold the images.
      ids: of the images, all of one stored size.
      encoder: with its weights.
      folder: an empty folder; its index is written last.
      progress: called with the number of images done.

    Raises:
      StreetloopError: the images differ in size, or the encoder's weights cannot be read.
    """
    network = _network(encoder)
    total: Any = 0.0
    squares: Any = 0.0
    maps: np.memmap | None = None
    size: tuple[int, int] = (0, 0)
    for row, image_id in enumerate(ids):
        image = records.read(image_id).image
        height, width = image.shape[:2]
        if maps is not None and (height, width) != size:
            raise StreetloopError(
                f"Images differ in size: {ids[0]} has {size[0]}x{size[1]} pixels (height x width), "
                f"{image_id} has {height}x{width}. Store them at one size, such as "
                "--set data.size=[256,512]."
            )
        size = (height, width)
        whole = network(pad_to_stride(image[None].astype(np.float32)))[0].numpy()
        one = whole[: -(-height // STRIDE), : -(-width // STRIDE)]
        if maps is None:
            shape = (len(ids), *one.shape)
            maps = np.lib.format.open_memmap(folder / _MAPS, "w+", np.float16, shape)
        maps[row] = one
        total = total + one.mean((0, 1), dtype=np.float64)
        squares = squares + np.square(one, dtype=np.float64).mean((0, 1))
        progress(row + 1)
    assert maps is not None, "a simulation has images"
    mean = total / len(ids)
    deviation = np.sqrt(np.maximum(squares / len(ids) - mean**2, 1e-12))
    means = np.empty((len(ids), len(mean)), np.float32)
    for row, one in enumerate(maps):
        scaled = (one.astype(np.float32) - mean) / deviation
        maps[row] = np.clip(scaled, -100, 100)
        means[row] = scaled.mean((0, 1))
    maps.flush()
    np.save(folder / _MEANS, means)
    write_text(folder / INDEX, json.dumps(list(ids)))


def _network(encoder: EncoderSettings) -> Any:
    """Return a traced function from images [B, H, W, 3] to features [B, H / 8, W / 8, C]."""
    image = keras.Input((None, None, 3), dtype="float32")
    parts = []
    for stride, tensor in build_encoder(image, encoder, bn_momentum=0.9):
        if STRIDE // 2 <= stride < STRIDE:
            parts.append(keras.layers.AveragePooling2D(STRIDE // stride)(tensor))
        elif stride == STRIDE:
            parts.append(tensor)
        elif STRIDE < stride <= _COARSEST:
            up = keras.layers.UpSampling2D(stride // STRIDE, interpolation="bilinear")
            parts.append(up(tensor))
    model = keras.Model(image, keras.layers.Concatenate()(parts))
    model.trainable = False
    return tf.function(lambda images: model(images, training=False), reduce_retracing=True)

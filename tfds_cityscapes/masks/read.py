"""Read one mask: label ids, train ids, or colours become label ids."""

from __future__ import annotations

import numpy as np

from tfds_cityscapes.masks.decide import decide, encoding_of_name
from tfds_cityscapes.masks.meaning import Encoding
from tfds_cityscapes.masks.pixels import pixels_of
from tfds_cityscapes.masks.png import MAX_PIXELS, Png
from tfds_cityscapes.masks.tables import ClassTable


def read_label_ids(
    name: str,
    data: bytes,
    *,
    encoding: Encoding | None = None,
    table: ClassTable | None = None,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """Read a mask as label ids, whatever it holds.

    Args:
      name: of the file; its end may say the encoding.
      data: the file.
      encoding: what a name without such an end means; None leaves it to the content.
      table: what ids and colours mean, if there is a table beside the mask.
      max_pixels: a larger mask is rejected before it is decoded.

    Returns:
      uint8 [H, W], 0..33 or 255 (the license plate's -1); erased pixels are 0, "unlabeled".

    Raises:
      MaskError: the file is broken, too large or not a mask, or what it means is not certain.
    """
    pixels = pixels_of(Png(data, max_pixels))
    label_ids = decide(pixels, encoding_of_name(name) or encoding, table)
    lookup: np.ndarray = np.zeros(max(256, 1 + int(pixels.stored.max())), np.uint8)
    lookup[list(label_ids)] = list(label_ids.values())
    found: np.ndarray = lookup[pixels.stored]
    if pixels.erased is not None:
        found[pixels.erased] = 0
    return found

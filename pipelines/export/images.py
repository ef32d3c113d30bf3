"""The real images that exports are calibrated with and compared on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.contracts.data.records import POOL, spread
from components.contracts.process.errors import StreetloopError
from pipelines.predict.view import Size
from tfds_cityscapes.png import fit_image

if TYPE_CHECKING:
    import numpy as np

    from components.contracts.data.records import Records


def calibration_images(records: Records, size: Size, count: int) -> Iterator[np.ndarray]:
    """Read images of the pool, spread over its ids, at a size: uint8 [H, W, 3]."""
    for image_id in spread(records.ids(POOL), count):
        yield fit_image(records.read(image_id).image, size)


def check_images(records: Records, size: Size | None, count: int) -> Iterator[np.ndarray]:
    """Read images of `val`, or of `dev` if there are none, spread over their ids.

    Args:
      records: of the campaign.
      size: height and width of all; None: each at its native size.
      count: how many, at most.

    Yields:
      uint8 [H, W, 3].

    Raises:
      StreetloopError: there is none.
    """
    ids = records.ids("val") or records.ids("dev")
    if not ids:
        raise StreetloopError(
            "No image of val or dev to compare the exports on. Run the preprocess step with labels of val."
        )
    for image_id in spread(ids, count):
        record = records.read(image_id)
        yield fit_image(record.image, size or (record.entry.height, record.entry.width))

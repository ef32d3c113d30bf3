"""The data set's images at native size: what people label must not be an enlarged copy."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from components.contracts.data.raw import locate
from components.contracts.data.records import Record
from components.contracts.ledger.layout import SOURCE
from components.contracts.process.errors import StreetloopError
from components.contracts.process.uri import is_local
from components.contracts.recipe.data import DataSettings
from components.contracts.storage.base import Storage
from components.contracts.storage.open import open_storage
from tfds_cityscapes.files import is_junk, spell
from tfds_cityscapes.layout import image_id
from tfds_cityscapes.source import Item, Source, SourceError, decode_image


class Originals:
    """Images of a campaign's data, one at a time; nothing is opened before the first is needed."""

    def __init__(self, data: DataSettings, seed: int, campaign: Storage) -> None:
        self._data, self._seed, self._campaign = data, seed, campaign

    def image_of(self, record: Record) -> np.ndarray:
        """Return a record's image at native size: uint8 [H, W, 3], RGB.

        Args:
          record: from the pool. If it is stored at native size, its own image is returned.

        Raises:
          StreetloopError: the data set no longer has the image, or has it at another size.
        """
        size = record.entry.height, record.entry.width
        if record.image.shape[:2] == size:
            return record.image
        try:
            image = self._read(record.image_id)
        except (KeyError, OSError, SourceError) as error:
            raise StreetloopError(
                f"Cannot read the image {record.image_id}, which annotators are to label ({error}). "
                "Restore the file in the data set, then run again."
            ) from error
        if image.shape[:2] != size:
            raise StreetloopError(
                f"The image {record.image_id} has changed: its record says {size[0]}x{size[1]} "
                f"(height x width) pixels, the data set has {image.shape[0]}x{image.shape[1]}. Run "
                "again: the next cycle rewrites the records."
            )
        return image

    def _read(self, image_id: str) -> np.ndarray:
        if image_id not in self._in_bucket:
            source, items = self._opened
            return source.read_image(items[image_id])
        storage, name = self._in_bucket[image_id]
        return decode_image(name, storage.read(name))

    @cached_property
    def _in_bucket(self) -> dict[str, tuple[Storage, str]]:
        """Where each image is in a bucket: a query needs few of them, not a copy of all the data.

        Empty where the data is on a disk or in zips.
        """
        if self._data.synthetic is not None:
            uri, folder = self._campaign.uri, f"{SOURCE}/leftImg8bit"
        else:
            uri, folder = self._data.source or "", "leftImg8bit"
        if is_local(uri):
            return {}
        storage = open_storage(uri)
        return {
            found: (storage, name)
            for name in storage.list(folder)
            if not is_junk(name) and (found := image_id(spell(name)))
        }

    @cached_property
    def _opened(self) -> tuple[Source, dict[str, Item]]:
        source = locate(self._data, self._seed, self._campaign, SOURCE)
        return source, {item.image_id: item for item in source.items}

"""A small sample of a model's predictions on the pool, kept for the next cycle to compare with.

Every n-th pixel of at most 100 label maps is a few kilobytes for each image, and compresses to a tenth.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.contracts.scores.agreement import kappa
from components.contracts.scores.confusion import confusion_matrix
from tfds_cityscapes.labels import NUM_CLASSES

_MOST_IMAGES = 100
_MOST_ROWS, _MOST_COLUMNS = 64, 128  # of a kept label map


@dataclass
class PoolSample:
    """What one model predicts for a few images of the pool.

    Attributes:
      model: the model's id.
      maps: train ids uint8 [h, w] by image id, thinned out.
    """

    model: str
    maps: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, image_id: str, train_ids: np.ndarray) -> None:
        """Keep every n-th pixel of a label map [H, W]."""
        height, width = train_ids.shape
        step = max(1, -(-height // _MOST_ROWS), -(-width // _MOST_COLUMNS))
        self.maps[image_id] = train_ids[::step, ::step].astype(np.uint8)

    def encode(self) -> bytes:
        """Return the sample as a compressed .npz file."""
        buffer = io.BytesIO()
        maps: dict[str, Any] = {f"map_{place}": one for place, one in enumerate(self.maps.values())}
        np.savez_compressed(
            buffer, model=np.array(self.model), ids=np.array(list(self.maps), str), **maps
        )
        return buffer.getvalue()

    @classmethod
    def decode(cls, data: bytes) -> PoolSample:
        """Read what `encode` wrote; ValueError, KeyError or OSError if it is something else."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            ids = file["ids"].tolist()
            maps = {image_id: file[f"map_{place}"] for place, image_id in enumerate(ids)}
            return cls(str(file["model"]), maps)


def sample_of(ids: Iterable[str]) -> list[str]:
    """Return at most 100 of the ids: by chance, but the same as long as they are among the ids.

    By their hashes, so that images which join or leave the pool change nothing for the others.
    """
    ordered = sorted(ids, key=lambda image_id: hashlib.sha256(image_id.encode()).digest())
    return sorted(ordered[:_MOST_IMAGES])


def agreement(one: PoolSample, other: PoolSample) -> tuple[float, int] | None:
    """Return the kappa of two models on the images that both predicted, and the number of images.

    None if they have no image of one size in common, or predict nothing but one class.
    """
    total, images = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64), 0
    for image_id, train_ids in one.maps.items():
        before = other.maps.get(image_id)
        if before is not None and before.shape == train_ids.shape:
            total += confusion_matrix(before, train_ids)
            images += 1
    value = kappa(total)
    return None if value is None else (value, images)

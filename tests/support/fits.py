"""Tiny images, settings and networks for whole fits that take seconds."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from components.contracts.recipe.train import TrainSettings
from components.train.input.data import Data
from components.train.input.memory import Budget
from components.train.input.stream import Pool
from tfds_cityscapes.labels import IGNORE_LABEL

SIZE = (32, 64)
# Every objective, both random sources (dropout and feature dropout), and a schedule.
EVERYTHING: Mapping[str, Any] = {
    "steps": 12,
    "batch_size": 2,
    "unlabeled_batch_size": 2,
    "crop": list(SIZE),
    "dev_every": 3,
    "checkpoint_every": 4,
    "settle_batches": 1,
    "network": {
        "encoder": {"name": "unet", "base": 2, "depth": 2},
        "decoder_width": 2,
        "decoder_convolutions": 1,
        "dropout": 0.2,
    },
    "discriminator": {"base": 2, "sees_image": True},
    "objectives": {
        "dice": 0.5,
        "consistency": 0.5,
        "feature_consistency": 0.5,
        "semi_supervised_start": 0.1,
    },
    "optimizer": {"warmup_steps": 3, "schedule": "cosine"},
}


def settings_of(**changes: Any) -> TrainSettings:
    """Return EVERYTHING with some top-level keys replaced; a mapping is merged into the old one."""
    values = dict(EVERYTHING)
    for key, value in changes.items():
        values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    return TrainSettings.model_validate(values)


def data_of(labeled: int = 5, unlabeled: int = 7, dev: int = 2) -> Data:
    """Return blocky labels, a part of them ignored, and images that show them."""
    labels = {f"id{k:02d}": _label(k) for k in range(labeled + unlabeled + dev)}
    images = {i: _image(label, k) for k, (i, label) in enumerate(labels.items())}
    ids = list(labels)

    def encoded(image_id: str) -> tuple[bytes, bytes | None]:
        place = ids.index(image_id)
        known = not labeled <= place < labeled + unlabeled
        return png_bytes(images[image_id][..., ::-1]), png_bytes(
            labels[image_id]
        ) if known else None

    def read(image_id: str) -> SimpleNamespace:
        return SimpleNamespace(image_id=image_id, image=images[image_id], label=labels[image_id])

    records: Any = SimpleNamespace(encoded=encoded, read=read)
    budget = Budget(1 << 20)
    pool = Pool(records, ids[labeled : labeled + unlabeled], budget) if unlabeled else None
    return Data(Pool(records, ids[:labeled], budget), pool, records, ids[labeled + unlabeled :])


def _label(seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, 3])
    blocks = rng.choice([0, 1, 2, 8, 10, 13], (4, 8)).astype(np.uint8)
    label = blocks.repeat(8, 0).repeat(8, 1)
    label[: 4 * (seed % 4)] = IGNORE_LABEL  # a different number of valid pixels in every image
    return label


def _image(label: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng([seed, 4]).integers(0, 40, (*label.shape, 3))
    return (label[..., None] % 19 * np.array([9, 5, 11]) + noise).astype(np.uint8)


def png_bytes(pixels: np.ndarray) -> bytes:
    """Return pixels, uint8 [H, W] or [H, W, 3] (BGR), as a PNG file."""
    return cv2.imencode(".png", pixels)[1].tobytes()

"""Features of a frozen encoder, as they are stored."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from components.contracts.data.records import INDEX
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.networks import EncoderSettings
from components.train.frozen.features import Features, write_features

ENCODER = EncoderSettings(name="efficientnet_lite0")


class Images:
    """Noise of the given sizes, as records."""

    def __init__(self, *sizes: tuple[int, int]) -> None:
        rng = np.random.default_rng(0)
        self._images = [rng.integers(0, 256, (*s, 3)).astype(np.uint8) for s in sizes]

    def read(self, image_id: str) -> Any:
        return SimpleNamespace(image=self._images[int(image_id)])


def test_features_are_scaled_and_found_by_id(tmp_path: Path) -> None:
    records: Any = Images((40, 64), (40, 64), (40, 64))
    seen: list[int] = []
    write_features(records, ["0", "1", "2"], ENCODER, tmp_path, seen.append)
    features = Features(tmp_path)
    assert seen == [1, 2, 3]
    assert features.shape == (5, 8, 24 + 40 + 112 + 320)
    maps = features.read(["2", "0"])
    assert maps.dtype == np.float16
    np.testing.assert_array_equal(maps[1], features.read(["0"])[0])
    everything = features.read(features.ids).astype(np.float64)
    moving = everything.std((0, 1, 2)) > 0.5  # a channel that noise does not move stays 0
    assert moving.mean() > 0.5
    np.testing.assert_allclose(everything.std((0, 1, 2))[moving], 1, atol=0.02)
    np.testing.assert_allclose(everything.mean((0, 1, 2)), 0, atol=0.02)
    np.testing.assert_allclose(
        features.mean("2"), maps[0].mean((0, 1), dtype=np.float64), atol=0.01
    )


def test_images_of_different_sizes_are_rejected(tmp_path: Path) -> None:
    records: Any = Images((32, 64), (64, 64))
    with pytest.raises(StreetloopError, match=r"1 has 64x64.*--set data.size"):
        write_features(records, ["0", "1"], ENCODER, tmp_path)
    assert not (tmp_path / INDEX).exists()

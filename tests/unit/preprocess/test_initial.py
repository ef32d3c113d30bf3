"""The first labels of a simulation: by chance, or typical of what looks alike."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from components.contracts.data.records import Records
from components.contracts.recipe.recipe import Recipe
from components.contracts.storage.open import open_storage
from components.preprocess.build import Division, divide, store_records
from components.preprocess.initial import choose_initial
from tests.support.tiny_source import write_item
from tfds_cityscapes.source import open_source

NOISY = [f"aa_000000_{frame:06d}" for frame in range(7)]
GREY = [f"aa_000000_{frame:06d}" for frame in range(7, 10)]


@pytest.fixture
def pool(tmp_path: Path) -> tuple[Division, Records]:
    """One drive: noise first, and plain grey at its end."""
    for image_id in (*NOISY, *GREY, "cc_000000_000000"):
        write_item(tmp_path / "data", image_id, "val" if image_id.startswith("cc") else "train")
    for image_id in GREY:
        path = tmp_path / "data" / "leftImg8bit" / "train" / "aa" / f"{image_id}_leftImg8bit.png"
        cv2.imwrite(str(path), np.full((40, 56, 3), 100 + int(image_id[-1]), np.uint8))
    recipe = recipe_of()
    division = divide(open_source(tmp_path / "data"), recipe.data, recipe.split, 0)
    storage = open_storage(str(tmp_path / "root"))
    return division, Records(storage.local_dir(store_records(division, storage)))


def recipe_of(**split: object) -> Recipe:
    return Recipe.model_validate({"name": "a", "split": {"dev_fraction": 0.0} | split})


def test_typical_labels_show_each_kind_of_image(pool: tuple[Division, Records]) -> None:
    found = choose_initial(*pool, recipe_of(initial=2, initial_by="typical"))
    assert [i in GREY for i in found] == [False, True]


def test_chance_and_all_images_need_no_encoder(
    pool: tuple[Division, Records], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("components.contracts.model.embedding.encoder_embedder")
    drawn = choose_initial(*pool, recipe_of(initial=4))
    assert drawn == pool[0].choose_labeled(pool[1], 4, 0)
    for amount in ("all", 99):
        found = choose_initial(*pool, recipe_of(initial=amount, initial_by="typical"))
        assert found == sorted(NOISY + GREY)
    assert choose_initial(*pool, recipe_of(initial=0, initial_by="typical")) == []

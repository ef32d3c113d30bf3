"""A data set on which no model can be scored is rejected before anybody labels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.contracts.storage.open import open_storage
from components.preprocess.__main__ import main
from components.preprocess.build import Division, divide, store_records
from components.preprocess.scorable import check_masks, check_oracle
from tests.support.tiny_source import write_item
from tfds_cityscapes.source import open_source

TRAIN = [f"aa_000000_{frame:06d}" for frame in range(4)]
VAL = "bb_000000_000000"


def _division(root: Path) -> Division:
    return divide(open_source(root), DataSettings(), SplitSettings(), seed=0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four train images with masks, one val image without."""
    for image_id in TRAIN:
        write_item(tmp_path / "data", image_id)
    write_item(tmp_path / "data", VAL, "val", mask=False)
    return tmp_path / "data"


def test_val_masks_by_another_name_are_named(data: Path) -> None:
    folder = data / "gtFine" / "val" / "bb"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / f"{VAL}_gtFine_other.png"), np.zeros((40, 56), np.uint8))
    with pytest.raises(StreetloopError) as raised:
        check_masks(_division(data))
    assert str(raised.value) == (
        f"{data} has no labeled val image, so no model could be scored. Found 1 image in "
        f"leftImg8bit/val, and 1 other files in gtFine/val, such as {VAL}_gtFine_other.png. Put masks "
        "into gtFine/val/<city>/, named <image id>_gtFine_labelIds.png."
    )


def test_the_command_rejects_them_too(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--source", str(data), "--output", str(tmp_path / "out")]) == 1
    assert "has no labeled val image" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_campaign_needs_val_and_the_command_does_not(tmp_path: Path) -> None:
    for image_id in TRAIN:
        write_item(tmp_path, image_id)
    division = _division(tmp_path)
    check_masks(division, required=False)
    with pytest.raises(StreetloopError, match="Found no image in leftImg8bit/val"):
        check_masks(division)


def test_masks_of_data_without_splits_are_named_too(tmp_path: Path) -> None:
    for sequence in range(5):
        write_item(tmp_path, f"aa_{sequence:06d}_000000", "", mask=False)
    for path in (tmp_path / "leftImg8bit").rglob("*.png"):
        mask = tmp_path / "gtFine" / "aa" / path.name.replace("leftImg8bit", "gtFine_other")
        mask.parent.mkdir(parents=True, exist_ok=True)
        mask.write_bytes(path.read_bytes())
    with pytest.raises(StreetloopError) as raised:
        check_masks(_division(tmp_path))
    assert str(raised.value) == (
        f"{tmp_path} has no labeled val image, so no model could be scored. Found no mask of the images "
        "that split.ratios assigns to val, and 5 other files in gtFine, such as "
        "aa_000000_000000_gtFine_other.png, aa_000001_000000_gtFine_other.png, "
        "aa_000002_000000_gtFine_other.png. Put masks into gtFine/<city>/, named <image "
        "id>_gtFine_labelIds.png."
    )


@pytest.mark.parametrize("split", ["val", "dev"])
def test_masks_of_void_alone_are_rejected(data: Path, tmp_path: Path, split: str) -> None:
    write_item(data, VAL, "val")
    image_id, folder = {"val": (VAL, "val/bb"), "dev": (TRAIN[-1], "train/aa")}[split]
    path = data / "gtFine" / folder / f"{image_id}_gtFine_labelIds.png"
    cv2.imwrite(str(path), np.zeros((40, 56), np.uint8))  # 0: unlabeled
    division, storage = _division(data), open_storage(str(tmp_path / "root"))
    for _ in range(2):
        with pytest.raises(StreetloopError, match=f"Every pixel of the 1 {split} masks is void"):
            store_records(division, storage)
    assert storage.list() == []


def test_a_scorable_data_set_passes(data: Path, tmp_path: Path) -> None:
    write_item(data, VAL, "val")
    division = _division(data)
    check_masks(division)
    assert store_records(division, open_storage(str(tmp_path / "root"))) == division.records_folder


def test_an_oracle_needs_masks_of_the_pool(data: Path, tmp_path: Path) -> None:
    check_oracle(_division(data))
    for image_id in TRAIN:
        write_item(tmp_path / "photos", image_id, mask=False)
    write_item(tmp_path / "photos", VAL, "val")
    other = tmp_path / "photos" / "gtFine" / "train" / "aa" / f"{TRAIN[0]}_gtFine_other.png"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"")
    with pytest.raises(StreetloopError) as raised:
        check_oracle(_division(tmp_path / "photos"))
    assert (
        "none of the 4 images of the pool has a mask; gtFine/train has other files, such as"
        in str(raised.value)
    )

"""Layouts that people have: read where the meaning is certain, reported where it is not."""

import unicodedata
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.tiny_source import write_item, zip_up
from tfds_cityscapes.source import SourceError, open_source

TRAIN, VAL = "aa_000000_000019", "bb_000000_000019"


@pytest.fixture
def root(tmp_path):
    write_item(tmp_path / "data", TRAIN)
    write_item(tmp_path / "data", VAL, "val")
    return tmp_path / "data"


def found(path):
    """Image id -> (split, city, whether it has a mask)."""
    return {i.image_id: (i.split, i.city, i.label is not None) for i in open_source(path).items}


def reason(path, part):
    """The only reason for which files whose name holds `part` were not read."""
    (why,) = {why for name, why in open_source(path).skipped if part in name}
    return why


def move(path, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)


AS_USUAL = {TRAIN: ("train", "aa", True), VAL: ("val", "bb", True)}


@pytest.mark.parametrize("name", [VAL, "front_7"])
def test_splits_without_city_folders_stay_splits(tmp_path, name):
    for image_id, split in ((TRAIN, "train"), (name, "val")):
        write_item(tmp_path, image_id, split)
        for path in list(tmp_path.rglob(f"{image_id}_*")):
            move(path, path.parent.parent / path.name)
    assert found(tmp_path) == {
        TRAIN: ("train", "aa", True),
        name: ("val", "bb" if name == VAL else "", True),
    }


@pytest.mark.parametrize("deeper", ["seq1", "a/b"])
def test_folders_below_a_city_are_read(root, deeper):
    for path in list(root.rglob(f"{VAL}_*")):
        move(path, path.parent / deeper / path.name)
    assert found(root) == AS_USUAL


@pytest.mark.parametrize("words", ["validation", "Val", "valid"])
def test_other_words_for_a_split_are_understood(root, words):
    for top in ("leftImg8bit", "gtFine"):
        (root / top / "val").rename(root / top / words)
    assert found(root) == AS_USUAL


def test_a_data_set_is_found_in_folders_of_the_unpacked_zips(root, tmp_path):
    for top in ("leftImg8bit", "gtFine"):
        move(root / top, tmp_path / "all" / f"{top}_trainvaltest" / top)
    assert found(tmp_path / "all") == AS_USUAL
    move(tmp_path / "all", tmp_path / "more" / "all")
    assert found(tmp_path / "more") == AS_USUAL


def test_two_data_sets_below_one_folder_are_rejected(root, tmp_path):
    write_item(tmp_path / "other", "cc_000000_000019")
    with pytest.raises(SourceError, match=r"More than one data set below .*data and .*other"):
        open_source(tmp_path)


def test_linked_splits_and_cities_are_followed(root, tmp_path):
    move(root / "leftImg8bit/val", tmp_path / "far/val")
    (root / "leftImg8bit/val").symlink_to(tmp_path / "far/val")
    move(root / "gtFine/train/aa", tmp_path / "far/aa")
    (root / "gtFine/train/aa").symlink_to(tmp_path / "far/aa")
    assert found(root) == AS_USUAL


def test_a_link_to_a_part_that_is_gone_is_reported(root, tmp_path):
    move(root / "gtFine", tmp_path / "gone")
    (root / "gtFine").symlink_to(tmp_path / "elsewhere")
    assert reason(root, "gtFine") == "the link leads nowhere"
    move(root / "leftImg8bit", tmp_path / "away")
    (root / "leftImg8bit").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match="2 files were not read, such as gtFine: the link leads"):
        open_source(root)


def test_case_and_unicode_form_of_names_do_not_matter(tmp_path):
    city = "Köln"
    write_item(tmp_path, f"{city}_000000_000019")
    for path in list(tmp_path.rglob("*.png")):
        form = "NFD" if "gtFine" in path.name else "NFC"
        new = path.name.replace("labelIds.png", "labelids.PNG")
        path.rename(path.with_name(unicodedata.normalize(form, new)))
    assert found(tmp_path) == {f"{city}_000000_000019": ("train", city, True)}


def test_a_zip_made_on_windows_is_read(root, tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in root.rglob("*.png"):
            name = path.relative_to(root).as_posix().replace("/", "\\")
            archive.writestr(name, path.read_bytes())
    assert found(tmp_path / "data.zip") == AS_USUAL


@pytest.mark.parametrize("new", [f"{VAL}.png", f"{VAL}_leftimg8bit.png"])
def test_an_image_needs_no_suffix(root, new):
    image = root / "leftImg8bit/val/bb" / f"{VAL}_leftImg8bit.png"
    image.rename(image.with_name(new))
    assert found(root) == AS_USUAL


@pytest.mark.parametrize("new", [f"{VAL}_labelIds.png", f"{VAL}_leftImg8bit_gtFine_labelIds.png"])
def test_other_names_of_a_mask_of_label_ids_are_read(root, new):
    mask = root / "gtFine/val/bb" / f"{VAL}_gtFine_labelIds.png"
    mask.rename(mask.with_name(new))
    assert found(root) == AS_USUAL


@pytest.mark.parametrize("kind", ["gtFine_labelTrainIds", "trainIds"])
def test_masks_of_train_ids_are_read_where_there_are_no_others(root, kind):
    mask = root / "gtFine/val/bb" / f"{VAL}_gtFine_labelIds.png"
    source = open_source(root)
    expected = source.read_label(source.items[1])
    train_ids = mask.with_name(f"{VAL}_{kind}.png")
    train_ids.write_bytes(cv2.imencode(".png", expected)[1].tobytes())
    assert open_source(root).items == source.items  # label ids first
    mask.unlink()
    source = open_source(root)
    assert source.skipped == ()
    np.testing.assert_array_equal(source.read_label(source.items[1]), expected)


def test_a_split_of_another_name_is_reported_and_not_taken_for_a_city(root):
    write_item(root, "cc_000000_000019", "train_extra")
    assert found(root) == AS_USUAL
    assert "leftImg8bit/train_extra is not one of the splits" in reason(root, "leftImg8bit/train_e")


def test_images_beside_the_splits_are_reported(root):
    write_item(root, "cc_000000_000019", "")
    assert found(root) == AS_USUAL
    assert "leftImg8bit/cc is not one of the splits" in reason(root, "leftImg8bit/cc")


def test_unknown_splits_alone_are_rejected_with_their_name(tmp_path):
    for image_id, split in ((TRAIN, "trn"), (VAL, "vld")):
        write_item(tmp_path, image_id, split)
    with pytest.raises(SourceError, match="leftImg8bit/trn is neither one of the splits"):
        open_source(tmp_path)


def test_masks_without_an_image_or_of_another_kind_are_reported(root):
    image = root / "leftImg8bit/val/bb" / f"{VAL}_leftImg8bit.png"
    mask = root / "gtFine/val/bb" / f"{VAL}_gtFine_labelIds.png"
    mask.rename(mask.with_name(f"{VAL}_gtFine_polygons.json"))
    assert "polygons" in reason(root, "_polygons.json")
    (mask.with_name(f"{VAL}_gtFine_polygons.json")).rename(mask.with_name(f"{VAL}.png"))
    assert "not named as a mask" in reason(root, f"gtFine/val/bb/{VAL}.png")
    mask.with_name(f"{VAL}.png").rename(mask)
    mask.with_name(f"{VAL}_gtFine_color.png").write_bytes(b"x")  # beside its mask
    assert open_source(root).skipped == ()
    image.unlink()
    assert reason(root, "labelIds") == "it has no image in leftImg8bit"


def test_coarse_masks_are_reported_for_images_without_others(root):
    move(root / "gtFine/val", root / "gtCoarse/val")
    mask = root / "gtCoarse/val/bb" / f"{VAL}_gtFine_labelIds.png"
    mask.rename(mask.with_name(f"{VAL}_gtCoarse_labelIds.png"))
    assert found(root) == AS_USUAL | {VAL: ("val", "bb", False)}
    assert "gtCoarse are not used" in reason(root, "_gtCoarse_")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x_leftImg8bit.heic", "HEIC is not supported"),
        ("notes.txt", "not a PNG"),
        (f"{VAL}_leftImg8bit_foggy_beta_0.02.png", "not named as an image"),
        (f"{VAL}_disparity.png", "not named as an image"),
    ],
)
def test_other_files_among_the_images_are_reported(root, name, why):
    (root / "leftImg8bit/val/bb" / name).write_bytes(b"x")
    assert found(root) == AS_USUAL
    assert why in reason(root, name)


def test_an_image_or_a_mask_that_occurs_twice_is_rejected(root):
    again = root / "gtFine/train/aa" / f"{VAL}_gtFine_labelIds.png"
    again.write_bytes(b"x")
    with pytest.raises(SourceError, match=f"Two masks for {VAL}"):
        open_source(root)
    again.unlink()
    (root / "leftImg8bit/val/bb" / f"{VAL}_leftImg8bit.jpg").write_bytes(b"x")
    with pytest.raises(SourceError, match=f"{VAL} occurs twice"):
        open_source(root)


def test_a_zip_beside_the_unpacked_folders_is_reported(root):
    zip_up(root, ".", root / "extra.zip")
    assert "exist as folders" in reason(root, "extra.zip")


def test_the_error_without_images_says_what_is_there(root, tmp_path):
    with pytest.raises(SourceError, match=f"Pass the folder that holds leftImg8bit: {root}"):
        open_source(root / "leftImg8bit" / "val")
    flat = tmp_path / "flat" / "images"
    flat.mkdir(parents=True)
    Path(flat / "a.jpg").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"1 image outside of leftImg8bit, such as images/a\.jpg"):
        open_source(tmp_path / "flat")

import json
import shutil

import numpy as np
import pytest

from components.contracts.data.records import INDEX, Records, read_ids, write_ids
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.preprocess.build import assign, build_records, fingerprint
from components.split.join import join
from tests.support.tiny_source import image_of, mask_of, write_item
from tfds_cityscapes.labels import to_train_ids
from tfds_cityscapes.source import open_source

NATIVE, ODD = (40, 56), (48, 64)  # heights and widths
STORED = (32, 40)
TRAIN = [f"aa_000000_{frame:06d}" for frame in range(8)]
VAL = ["bb_000000_000000", "bb_000000_000001"]
SPLIT = SplitSettings(dev_fraction=0.25, guard=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two cities; the pool's first image has a size of its own; every image has a mask."""
    root = tmp_path_factory.mktemp("source")
    for image_id in TRAIN:
        write_item(root, image_id, size=ODD if image_id == TRAIN[0] else NATIVE)
    for image_id in VAL:
        write_item(root, image_id, "val", NATIVE)
    return root


def preprocess(root, output, **data):
    source = open_source(root)
    splits = assign(source, SPLIT, seed=0)
    return build_records(source, splits, output, DataSettings(**data))


@pytest.fixture(scope="module")
def native(root, tmp_path_factory):
    return preprocess(root, tmp_path_factory.mktemp("native"))[0]


@pytest.fixture(scope="module")
def resized(root, tmp_path_factory):
    return preprocess(root, tmp_path_factory.mktemp("resized"), size=STORED)[0]


def truth_of(image_id, size=NATIVE):
    return to_train_ids(mask_of(sum(image_id.encode()), size))


def test_each_split_holds_its_ids_sorted(native):
    assert native.ids("train") == TRAIN[:5]
    assert native.ids("dev") == TRAIN[6:]  # TRAIN[5] is the guard's
    assert native.ids("val") == VAL
    assert native.ids("test") == []
    assert TRAIN[5] not in native


def test_images_come_back_bit_for_bit_at_their_native_sizes(native):
    for image_id in (TRAIN[0], TRAIN[4], TRAIN[7], VAL[0]):
        record = native.read(image_id)
        size = ODD if image_id == TRAIN[0] else NATIVE
        np.testing.assert_array_equal(record.image, image_of(sum(image_id.encode()), size))
        assert (record.entry.height, record.entry.width) == size
        assert record.entry.city == image_id[:2]


def test_records_of_the_pool_hold_no_label_though_the_source_has_one(root, native, resized):
    assert all(item.label is not None for item in open_source(root).items)
    for records in (native, resized):
        for image_id in records.ids("train"):
            assert records.encoded(image_id)[1] is None
            assert records.read(image_id).label is None


def test_labels_of_dev_and_val_keep_their_native_size_while_images_are_resized(resized):
    for image_id in (TRAIN[7], VAL[1]):
        record = resized.read(image_id)
        assert record.image.shape == (*STORED, 3)
        assert (record.entry.height, record.entry.width) == NATIVE
        np.testing.assert_array_equal(record.label, truth_of(image_id))


def test_records_are_found_by_id_in_any_order_and_again(native):
    forward = {i: native.read(i).image for i in native.entries}
    for image_id in sorted(native.entries, reverse=True):
        np.testing.assert_array_equal(native.read(image_id).image, forward[image_id])
    with pytest.raises(KeyError):
        native.read("nobody")


def test_the_index_is_read_again_from_the_folder_alone(native, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(native.folder, moved)
    again = Records(moved)
    assert again.entries == native.entries
    np.testing.assert_array_equal(again.read(VAL[0]).label, truth_of(VAL[0]))


def test_a_folder_without_an_index_is_no_records(tmp_path):
    with pytest.raises(StreetloopError, match="preprocess"):
        Records(tmp_path)


def test_a_damaged_record_is_said_to_be_damaged(native, tmp_path, capfd):
    shutil.copytree(native.folder, tmp_path / "damaged")
    records = Records(tmp_path / "damaged")
    entry = records.entries[VAL[0]]
    path = records.folder / entry.shard
    data = bytearray(path.read_bytes())
    intact = bytes(data)
    for start in (intact.index(b"\x89PNG", entry.offset) + 60, entry.offset):
        data[start : start + 40] = b"\xff" * 40
        path.write_bytes(data)
        with pytest.raises(StreetloopError, match="damaged"):
            records.read(VAL[0])


@pytest.fixture
def broken(root, tmp_path):
    shutil.copytree(root, tmp_path / "broken")
    (tmp_path / "broken/leftImg8bit/train/aa" / f"{TRAIN[2]}_leftImg8bit.png").write_bytes(b"")
    mask = tmp_path / "broken/gtFine/val/bb" / f"{VAL[0]}_gtFine_labelIds.png"
    mask.write_bytes(mask.read_bytes()[:50])
    return tmp_path / "broken"


def test_a_broken_file_stops_preprocessing_and_is_named(broken, tmp_path, capfd):
    with pytest.raises(StreetloopError, match=rf"{TRAIN[2]}_leftImg8bit\.png.*--skip-bad"):
        preprocess(broken, tmp_path / "out")
    assert not (tmp_path / "out" / INDEX).exists()


def test_skip_bad_leaves_broken_files_out_and_lists_them(broken, tmp_path, capfd):
    records, bad = preprocess(broken, tmp_path / "out", skip_bad=True)
    assert [image_id for image_id, _ in bad] == [TRAIN[2], VAL[0]]
    assert f"{VAL[0]}_gtFine_labelIds.png" in bad[1][1]
    assert json.loads((tmp_path / "out/skipped.json").read_text()) == dict(bad)
    assert records.ids("train") == [i for i in TRAIN[:5] if i != TRAIN[2]]
    assert records.ids("val") == [VAL[1]]


def test_a_split_of_which_nothing_is_left_is_an_error_even_if_bad_files_are_skipped(
    broken, tmp_path
):
    for path in (broken / "leftImg8bit/val/bb").iterdir():
        path.write_bytes(b"")
    with pytest.raises(StreetloopError, match=r"image of val can be used.*leftImg8bit\.png"):
        preprocess(broken, tmp_path / "out", skip_bad=True)


def test_images_for_scoring_without_a_mask_are_left_out(root, tmp_path):
    shutil.copytree(root, tmp_path / "some")
    (tmp_path / "some/gtFine/val/bb" / f"{VAL[0]}_gtFine_labelIds.png").unlink()
    splits = assign(open_source(tmp_path / "some"), SPLIT, seed=0)
    assert [i.image_id for i in splits["val"]] == [VAL[1]]


def test_a_test_part_whose_labels_are_withheld_is_not_scored(tmp_path):
    import cv2

    for image_id in TRAIN[:3]:
        write_item(tmp_path, image_id)
    write_item(tmp_path, VAL[0], "test")
    assert len(assign(open_source(tmp_path), SPLIT, seed=0)["test"]) == 1
    mask = next((tmp_path / "gtFine/test").rglob("*.png"))
    cv2.imwrite(str(mask), np.zeros(NATIVE, np.uint8))  # "unlabeled" all over
    assert assign(open_source(tmp_path), SPLIT, seed=0)["test"] == []


def test_data_without_splits_is_dealt_by_ratios_or_refused_as_a_user_error(tmp_path):
    for sequence in range(5):
        for frame in range(4):
            write_item(tmp_path, f"aa_{sequence:06d}_{frame:06d}", split="", size=(32, 32))
    splits = assign(open_source(tmp_path), SPLIT, seed=0)
    assert [len(splits[k]) for k in ("train", "dev", "val", "test")] == [11, 4, 4, 0]
    thirds = SplitSettings(ratios={"train": 0.6, "val": 0.2, "test": 0.2})
    assert len(assign(open_source(tmp_path), thirds, seed=0)["test"]) == 4
    for path in list(tmp_path.rglob("aa_00000[1-4]*")):
        path.unlink()
    with pytest.raises(StreetloopError, match="sequences"):
        assign(open_source(tmp_path), SPLIT, seed=0)


def test_data_without_a_train_part_is_refused(tmp_path):
    write_item(tmp_path, VAL[0], "val")
    with pytest.raises(StreetloopError, match="to train on"):
        assign(open_source(tmp_path), SPLIT, seed=0)


def test_the_fingerprint_follows_images_size_and_scored_masks_but_no_mask_of_the_pool(
    root, tmp_path
):
    def of(folder, **data):
        source = open_source(folder)
        return fingerprint(source, assign(source, SPLIT, seed=0), DataSettings(**data), SPLIT)

    shutil.copytree(root, tmp_path / "copy")
    copy, before = tmp_path / "copy", of(tmp_path / "copy")
    assert of(copy, size=STORED) != before
    (copy / "gtFine/train/aa" / f"{TRAIN[0]}_gtFine_labelIds.png").unlink()
    assert of(copy) == before
    mask = copy / "gtFine/train/aa" / f"{TRAIN[7]}_gtFine_labelIds.png"  # of dev
    mask.write_bytes(mask.read_bytes() + b"\0")
    assert of(copy) != before


def test_split_joins_labels_at_the_stored_size_and_lists_the_rest(resized, tmp_path):
    wanted = [TRAIN[1], TRAIN[3]]
    count = join(resized, [*wanted, VAL[0], "nobody"], truth_of, tmp_path / "parts")
    assert count == (2, 3)
    labeled = Records(tmp_path / "parts/labeled")
    assert labeled.ids("train") == wanted
    assert read_ids(tmp_path / "parts/unlabeled.txt") == [TRAIN[0], TRAIN[2], TRAIN[4]]
    record = labeled.read(TRAIN[3])
    np.testing.assert_array_equal(record.image, resized.read(TRAIN[3]).image)
    assert record.label.shape == STORED
    assert (record.entry.height, record.entry.width) == NATIVE  # not the stored size
    rows = (np.arange(STORED[0]) + 0.5) * NATIVE[0] / STORED[0]
    columns = (np.arange(STORED[1]) + 0.5) * NATIVE[1] / STORED[1]
    expected = truth_of(TRAIN[3])[rows.astype(int)[:, None], columns.astype(int)]
    np.testing.assert_array_equal(record.label, expected)


def test_split_refuses_a_label_of_another_size(resized, tmp_path):
    with pytest.raises(StreetloopError, match=rf"40x56.*{TRAIN[1]}.*20x28"):
        join(resized, [TRAIN[1]], lambda i: np.zeros((20, 28), np.uint8), tmp_path / "parts")


def test_split_without_a_label_still_lists_the_pool(resized, tmp_path):
    assert join(resized, [], truth_of, tmp_path / "parts") == (0, 5)
    assert Records(tmp_path / "parts/labeled").ids("train") == []


def test_ids_are_written_sorted_one_a_line(tmp_path):
    write_ids(tmp_path / "a/ids.txt", ["b", "a"])
    assert (tmp_path / "a/ids.txt").read_text() == "a\nb\n"
    assert read_ids(tmp_path / "a/ids.txt") == ["a", "b"]


def test_ids_with_spaces_are_read_as_they_were_written(tmp_path):
    ids = [" c", "a b_1", "a\u2028b", "tab\tbed"]
    write_ids(tmp_path / "ids.txt", ids)
    assert read_ids(tmp_path / "ids.txt") == sorted(ids)
    (tmp_path / "ids.txt").write_bytes(b"by hand\r\n\nanother")
    assert read_ids(tmp_path / "ids.txt") == ["by hand", "another"]

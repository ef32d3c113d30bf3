import json
import shutil

import numpy as np
import pytest

from components.contracts.data.records import INDEX, Records, check_in_pool, read_ids, write_ids
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.data import DataSettings, SplitSettings
from components.preprocess.build import divide, write_records
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
    """Two cities; the first train image has its own size; every image has a mask."""
    root = tmp_path_factory.mktemp("source")
    for image_id in TRAIN:
        write_item(root, image_id, size=ODD if image_id == TRAIN[0] else NATIVE)
    for image_id in VAL:
        write_item(root, image_id, "val", NATIVE)
    return root


def preprocess(root, output, **data):
    return write_records(divide(open_source(root), DataSettings(**data), SPLIT, seed=0), output)


def splits_of(root, split=SPLIT):
    return divide(open_source(root), DataSettings(), split, seed=0).splits


@pytest.fixture(scope="module")
def native(root, tmp_path_factory):
    return preprocess(root, tmp_path_factory.mktemp("native")).records


@pytest.fixture(scope="module")
def resized(root, tmp_path_factory):
    return preprocess(root, tmp_path_factory.mktemp("resized"), size=STORED).records


def truth_of(image_id, size=NATIVE):
    return to_train_ids(mask_of(sum(image_id.encode()), size))


def test_ids_are_sorted_within_each_split(native):
    assert native.ids("train") == TRAIN[:5]
    assert native.ids("dev") == TRAIN[6:]  # TRAIN[5] is the guard's
    assert native.ids("val") == VAL
    assert native.ids("test") == []
    assert TRAIN[5] not in native


def test_only_ids_of_the_pool_pass_for_such(native, tmp_path):
    check_in_pool(native, native.ids("train"), tmp_path / "ids.txt")
    scored = native.ids("val")[0]
    with pytest.raises(StreetloopError, match=rf"ids\.txt lists ids .* {scored} and 0 more"):
        check_in_pool(native, [*native.ids("train"), scored], tmp_path / "ids.txt")


def test_records_keep_images_bit_for_bit_at_their_native_sizes(native):
    for image_id in (TRAIN[0], TRAIN[4], TRAIN[7], VAL[0]):
        record = native.read(image_id)
        size = ODD if image_id == TRAIN[0] else NATIVE
        np.testing.assert_array_equal(record.image, image_of(sum(image_id.encode()), size))
        assert (record.entry.height, record.entry.width) == size
        assert record.entry.city == image_id[:2]


def test_records_of_train_have_no_label_even_if_the_source_has_one(root, native, resized):
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


def test_records_are_read_by_id_in_any_order_and_repeatedly(native):
    forward = {i: native.read(i).image for i in native.entries}
    for image_id in sorted(native.entries, reverse=True):
        np.testing.assert_array_equal(native.read(image_id).image, forward[image_id])
    with pytest.raises(KeyError):
        native.read("nobody")


def test_records_need_nothing_but_their_folder(native, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(native.folder, moved)
    again = Records(moved)
    assert again.entries == native.entries
    np.testing.assert_array_equal(again.read(VAL[0]).label, truth_of(VAL[0]))


def test_records_reject_a_folder_without_an_index(tmp_path):
    with pytest.raises(StreetloopError, match="preprocess"):
        Records(tmp_path)


def test_damaged_record_is_reported_as_damaged(native, tmp_path, capfd):
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


def test_preprocess_stops_at_a_broken_file_and_names_it(broken, tmp_path, capfd):
    with pytest.raises(StreetloopError, match=rf"{TRAIN[2]}_leftImg8bit\.png.*--skip-bad"):
        preprocess(broken, tmp_path / "out")
    assert not (tmp_path / "out" / INDEX).exists()


def test_skip_bad_leaves_broken_files_out_and_lists_them(broken, tmp_path, capfd):
    records, left_out = preprocess(broken, tmp_path / "out", skip_bad=True)
    assert list(left_out) == [TRAIN[2], VAL[0]]
    assert f"{VAL[0]}_gtFine_labelIds.png" in left_out[VAL[0]]
    assert json.loads((tmp_path / "out/skipped.json").read_text()) == left_out
    assert records.ids("train") == [i for i in TRAIN[:5] if i != TRAIN[2]]
    assert records.ids("val") == [VAL[1]]


def test_skip_bad_fails_if_no_image_of_a_split_is_left(broken, tmp_path):
    for path in (broken / "leftImg8bit/val/bb").iterdir():
        path.write_bytes(b"")
    with pytest.raises(StreetloopError, match=r"image of val can be used.*leftImg8bit\.png"):
        preprocess(broken, tmp_path / "out", skip_bad=True)


def test_assign_leaves_out_images_for_scoring_that_have_no_mask(root, tmp_path):
    shutil.copytree(root, tmp_path / "some")
    (tmp_path / "some/gtFine/val/bb" / f"{VAL[0]}_gtFine_labelIds.png").unlink()
    splits = splits_of(tmp_path / "some")
    assert [i.image_id for i in splits["val"]] == [VAL[1]]


def test_assign_does_not_score_a_test_part_whose_labels_are_withheld(tmp_path):
    import cv2

    for image_id in TRAIN[:3]:
        write_item(tmp_path, image_id)
    write_item(tmp_path, VAL[0], "test")
    assert len(splits_of(tmp_path)["test"]) == 1
    mask = next((tmp_path / "gtFine/test").rglob("*.png"))
    cv2.imwrite(str(mask), np.zeros(NATIVE, np.uint8))  # "unlabeled" all over
    assert splits_of(tmp_path)["test"] == []


def test_assign_divides_data_without_splits_by_ratios_or_rejects_it(tmp_path):
    for sequence in range(5):
        for frame in range(4):
            write_item(tmp_path, f"aa_{sequence:06d}_{frame:06d}", split="", size=(32, 32))
    splits = splits_of(tmp_path)
    assert [len(splits[k]) for k in ("train", "dev", "val", "test")] == [11, 4, 4, 0]
    thirds = SplitSettings(ratios={"train": 0.6, "val": 0.2, "test": 0.2})
    assert len(splits_of(tmp_path, thirds)["test"]) == 4
    for path in list(tmp_path.rglob("aa_00000[1-4]*")):
        path.unlink()
    with pytest.raises(StreetloopError, match="sequences"):
        splits_of(tmp_path)


def test_assign_rejects_data_without_a_train_part(tmp_path):
    write_item(tmp_path, VAL[0], "val")
    with pytest.raises(StreetloopError, match="to train on"):
        splits_of(tmp_path)


def test_fingerprint_depends_on_images_size_and_scored_masks_but_not_on_masks_of_train(
    root, tmp_path
):
    def of(folder, **data):
        division = divide(open_source(folder), DataSettings(**data), SPLIT, seed=0)
        return division.records_folder

    shutil.copytree(root, tmp_path / "copy")
    copy, before = tmp_path / "copy", of(tmp_path / "copy")
    assert of(copy, size=STORED) != before
    (copy / "gtFine/train/aa" / f"{TRAIN[0]}_gtFine_labelIds.png").unlink()
    assert of(copy) == before
    mask = copy / "gtFine/train/aa" / f"{TRAIN[7]}_gtFine_labelIds.png"  # of dev
    mask.write_bytes(mask.read_bytes() + b"\0")
    assert of(copy) != before


def test_join_adds_labels_at_the_stored_size_and_lists_the_rest(resized, tmp_path):
    wanted = [TRAIN[1], TRAIN[3]]
    joined = join(resized, [*wanted, VAL[0], "nobody"], truth_of, tmp_path / "parts")
    labeled = Records(tmp_path / "parts/labeled")
    assert labeled.entries == joined.labeled.entries
    assert labeled.ids("train") == wanted
    assert joined.unlabeled == [TRAIN[0], TRAIN[2], TRAIN[4]]
    assert read_ids(tmp_path / "parts/unlabeled.txt") == joined.unlabeled
    record = labeled.read(TRAIN[3])
    np.testing.assert_array_equal(record.image, resized.read(TRAIN[3]).image)
    assert record.label.shape == STORED
    assert (record.entry.height, record.entry.width) == NATIVE  # not the stored size
    rows = (np.arange(STORED[0]) + 0.5) * NATIVE[0] / STORED[0]
    columns = (np.arange(STORED[1]) + 0.5) * NATIVE[1] / STORED[1]
    expected = truth_of(TRAIN[3])[rows.astype(int)[:, None], columns.astype(int)]
    np.testing.assert_array_equal(record.label, expected)


def test_join_rejects_a_label_of_another_size(resized, tmp_path):
    with pytest.raises(StreetloopError, match=rf"{TRAIN[1]} has 20x28 .*image has 40x56"):
        join(resized, [TRAIN[1]], lambda i: np.zeros((20, 28), np.uint8), tmp_path / "parts")


def test_join_without_a_label_still_lists_the_pool(resized, tmp_path):
    joined = join(resized, [], truth_of, tmp_path / "parts")
    assert joined.unlabeled == TRAIN[:5]
    assert joined.labeled.ids("train") == []
    assert Records(tmp_path / "parts/labeled").ids("train") == []


def test_write_ids_writes_sorted_ids_one_per_line(tmp_path):
    write_ids(tmp_path / "a/ids.txt", ["b", "a"])
    assert (tmp_path / "a/ids.txt").read_text() == "a\nb\n"
    assert read_ids(tmp_path / "a/ids.txt") == ["a", "b"]


def test_read_ids_keeps_ids_with_spaces(tmp_path):
    ids = [" c", "a b_1", "a\u2028b", "tab\tbed"]
    write_ids(tmp_path / "ids.txt", ids)
    assert read_ids(tmp_path / "ids.txt") == sorted(ids)
    (tmp_path / "ids.txt").write_bytes(b"by hand\r\n\nanother")
    assert read_ids(tmp_path / "ids.txt") == ["by hand", "another"]

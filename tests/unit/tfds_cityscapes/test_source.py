import zipfile

import cv2
import numpy as np
import pytest

from components.contracts.ledger.events import Seed
from tests.support.tiny_source import image_of, mask_of, write_item, zip_up
from tfds_cityscapes.labels import to_train_ids
from tfds_cityscapes.source import SourceError, open_source

ONE, TWO = "aa_000000_000019", "bb_000000_000019"


@pytest.fixture
def root(tmp_path):
    write_item(tmp_path / "data", ONE)
    write_item(tmp_path / "data", TWO, "val", size=(32, 40))
    return tmp_path / "data"


def item_of(source, image_id=ONE):
    return next(i for i in source.items if i.image_id == image_id)


def mask_path(root):
    return root / "gtFine/train/aa" / f"{ONE}_gtFine_labelIds.png"


def image_path(root):
    return root / "leftImg8bit/train/aa" / f"{ONE}_leftImg8bit.png"


def check(source):
    """Check what holds for the fixture's data set in every form."""
    assert [(i.image_id, i.city, i.split) for i in source.items] == [
        (ONE, "aa", "train"),
        (TWO, "bb", "val"),
    ]
    for image_id, size in ((ONE, (40, 56)), (TWO, (32, 40))):
        item, seed = item_of(source, image_id), sum(image_id.encode())
        np.testing.assert_array_equal(source.read_image(item), image_of(seed, size))
        expected = to_train_ids(mask_of(seed, size))
        np.testing.assert_array_equal(source.read_label(item, size), expected)


def test_source_reads_a_folder(root):
    check(open_source(root))


@pytest.mark.parametrize("below", ["", "cityscapes/", "my data/v1/"])
def test_source_reads_a_folder_with_the_two_zips_also_below_a_top_folder(root, tmp_path, below):
    packed = tmp_path / "zips"
    packed.mkdir()
    zip_up(root, "leftImg8bit", packed / "leftImg8bit_trainvaltest.zip", below)
    zip_up(root, "gtFine", packed / "gtFine_trainvaltest.zip", below)
    check(open_source(packed))


def test_source_joins_images_in_a_folder_with_masks_in_a_zip(root, tmp_path):
    packed = tmp_path / "mixed"
    packed.mkdir()
    zip_up(root, "gtFine", packed / "gtFine_trainvaltest.zip")
    (root / "leftImg8bit").rename(packed / "leftImg8bit")
    check(open_source(packed))


def test_source_reads_one_zip_without_the_shadow_files_of_macos(root, tmp_path):
    archive = tmp_path / "all.zip"
    zip_up(root, ".", archive)
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(f"__MACOSX/leftImg8bit/train/aa/._{ONE}_leftImg8bit.png", b"\0\5\x16\7")
    check(open_source(archive))


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "JPG", "PNG"])
def test_source_accepts_any_ending_of_an_image(tmp_path, ending):
    write_item(tmp_path, ONE, ending=ending)
    source = open_source(tmp_path)
    assert source.read_image(source.items[0]).shape == (40, 56, 3)
    assert source.items[0].label is not None


def test_source_without_split_folders_has_items_without_a_split(tmp_path):
    write_item(tmp_path, ONE, split="")
    (item,) = open_source(tmp_path).items
    assert (item.split, item.city) == ("", "aa")
    assert item.label == f"gtFine/aa/{ONE}_gtFine_labelIds.png"


def test_every_image_id_of_a_source_can_be_stored_in_the_ledger(root):
    folder = root / "leftImg8bit/train/aa"
    data = image_path(root).read_bytes()
    long = "x" * 200
    fit = [long, "Screenshot 1.02\u202fPM", "a\u00a0b", "東京\u3000駅"]
    for name in (*fit, f"{long}x", "tab\tname"):
        (folder / f"{name}_leftImg8bit.png").write_bytes(data)
    (folder / "sub\x7f").mkdir()
    (folder / "sub\x7f" / "c.png").write_bytes(data)
    source = open_source(root)
    found = [item.image_id for item in source.items]
    assert found == sorted([ONE, TWO, *fit])
    assert Seed(image_ids=found).image_ids == found
    line = "its name holds a tab, a line break or another control character; rename it"
    assert dict(source.skipped) == {
        f"leftImg8bit/train/aa/{long}x_leftImg8bit.png": "its name has more than 200 characters; shorten it",
        "leftImg8bit/train/aa/tab\ufffdname_leftImg8bit.png": line,
        "leftImg8bit/train/aa/sub\ufffd": line,
    }


def test_read_label_reports_a_missing_mask(root):
    mask_path(root).unlink()
    source = open_source(root)
    assert item_of(source).label is None
    with pytest.raises(SourceError, match=f"{ONE} has no"):
        source.read_label(item_of(source))


def test_source_rejects_an_image_id_that_occurs_twice(root):
    write_item(root, ONE, "val")
    with pytest.raises(SourceError, match=f"{ONE} occurs twice: leftImg8bit/train"):
        open_source(root)


@pytest.mark.parametrize("content", [b"", b"hello", "cut"])
def test_source_names_a_broken_image_or_mask(root, content, capfd):
    for path, read in ((image_path(root), "read_image"), (mask_path(root), "read_label")):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 3 // 4] if content == "cut" else content)
        source = open_source(root)
        with pytest.raises(SourceError, match=path.name):
            getattr(source, read)(item_of(source))


def test_source_names_a_jpeg_that_is_cut_off(tmp_path, capfd):
    write_item(tmp_path, ONE, ending="jpg")
    path = next(tmp_path.rglob("*.jpg"))
    path.write_bytes(path.read_bytes()[:-400])
    source = open_source(tmp_path)
    with pytest.raises(SourceError, match=path.name):
        source.read_image(source.items[0])


def test_source_names_a_file_that_disappeared_after_the_listing(root):
    source = open_source(root)
    image_path(root).unlink()
    with pytest.raises(SourceError, match=image_path(root).name):
        source.read_image(item_of(source))


def test_source_names_a_damaged_member_of_a_zip(root, tmp_path):
    archive = tmp_path / "all.zip"
    zip_up(root, ".", archive)
    with zipfile.ZipFile(archive) as file:
        info = next(i for i in file.infolist() if i.filename.endswith(image_path(root).name))
    data = bytearray(archive.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    data[start : start + 200] = b"\xff" * 200
    archive.write_bytes(data)
    source = open_source(archive)
    with pytest.raises(SourceError, match=image_path(root).name):
        source.read_image(item_of(source))


def test_source_names_a_mask_of_another_size_with_both_sizes(root):
    cv2.imwrite(str(mask_path(root)), np.zeros((20, 28), np.uint8))
    source = open_source(root)
    with pytest.raises(SourceError, match=f"{ONE}_gtFine_labelIds.png.*40x56.*20x28"):
        source.read_label(item_of(source), (40, 56))


def test_source_names_an_unknown_label_id_with_its_file(root):
    cv2.imwrite(str(mask_path(root)), np.full((40, 56), 77, np.uint8))
    source = open_source(root)
    with pytest.raises(SourceError, match=rf"{ONE}_gtFine_labelIds.png.*\[77\]"):
        source.read_label(item_of(source))


def test_source_rejects_a_mask_of_colours(root):
    cv2.imwrite(str(mask_path(root)), np.tile(np.array([1, 2, 3], np.uint8), (40, 56, 1)))
    source = open_source(root)
    with pytest.raises(SourceError, match="one channel"):
        source.read_label(item_of(source))


def test_source_rejects_a_missing_folder_an_empty_one_and_an_invalid_zip(tmp_path):
    with pytest.raises(SourceError, match="Data set not found"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="No images found"):
        open_source(tmp_path)
    (tmp_path / "data.zip").write_bytes(b"not a zip")
    with pytest.raises(SourceError, match=r"data\.zip is not a readable zip"):
        open_source(tmp_path)


def test_frames_are_ordered_by_number_not_by_letter(tmp_path):
    for frame in (9, 100, 20):
        write_item(tmp_path, f"aa_0_{frame}", mask=False)
    items = sorted(open_source(tmp_path).items, key=lambda i: i.order)
    assert [i.image_id for i in items] == ["aa_0_9", "aa_0_20", "aa_0_100"]


def test_fingerprint_covers_only_the_named_files(root):
    source = open_source(root)
    images, masks = [i.image for i in source.items], [i.label for i in source.items]
    before = source.fingerprint(images), source.fingerprint(masks)
    mask_path(root).write_bytes(mask_path(root).read_bytes() + b"\0")
    source = open_source(root)
    assert source.fingerprint(images) == before[0]
    assert source.fingerprint(masks) != before[1]


@pytest.mark.parametrize("place", ["", "gtFine/", "zip"])
def test_source_reads_or_rejects_masks_by_the_table_beside_them(root, tmp_path, place):
    # Unlike by Cityscapes' own label ids, 1 is sky here.
    cv2.imwrite(str(mask_path(root)), np.full((40, 56), 1, np.uint8))
    table = root / place.replace("zip", "") / "label_colors.txt"
    table.write_text("0 0 0 background\n1 1 1 sky\n")
    if place == "zip":
        zip_up(root, ".", tmp_path / "all.zip", "task/")
        root = tmp_path / "all.zip"
    source = open_source(root)
    assert source.skipped == ()
    with pytest.raises(SourceError, match=r"two ways.*\(sky\), by label_colors|two ways.*\(sky\)"):
        source.read_label(item_of(source))


def test_source_accepts_masks_with_which_their_table_agrees(root):
    names = ["unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic"]
    names += ["ground", "road", "sidewalk"]
    lines = [f"{i} {i} {i} {name}" for i, name in enumerate(names)]
    (root / "label_colors.txt").write_text("\n".join(lines))
    cv2.imwrite(str(mask_path(root)), np.full((40, 56), 8, np.uint8))
    source = open_source(root)
    assert (source.read_label(item_of(source)) == 1).all()


def test_source_rejects_train_ids_that_are_called_label_ids(root):
    ids = np.zeros((40, 56), np.uint8)
    ids[0, :3] = 255, 10, 13
    cv2.imwrite(str(mask_path(root)), ids)
    source = open_source(root)
    with pytest.raises(SourceError, match=r"255 and no id above 18.*train ids"):
        source.read_label(item_of(source))

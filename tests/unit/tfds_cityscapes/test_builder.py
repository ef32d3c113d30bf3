import numpy as np
import pytest

from tests.support.tiny_source import image_of, mask_of, write_item
from tfds_cityscapes.builder import cityscapes
from tfds_cityscapes.labels import to_train_ids
from tfds_cityscapes.source import SourceError

SIZES = {"aa_000000_000000": (40, 56), "aa_000000_000001": (32, 48)}
VAL = "bb_000000_000000"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("source")
    for image_id, size in SIZES.items():
        write_item(root, image_id, size=size)
    write_item(root, VAL, "val")
    write_item(root, "cc_000000_000000", "test", mask=False)
    return root


@pytest.fixture(scope="module")
def built(root, tmp_path_factory):
    builder = cityscapes(root, tmp_path_factory.mktemp("tfds"))
    builder.download_and_prepare()
    return builder


def test_builder_counts_the_labeled_images_of_each_split(built):
    assert {name: info.num_examples for name, info in built.info.splits.items()} == {
        "train": 2,
        "val": 1,
    }


def test_as_dataset_yields_images_of_mixed_native_sizes_with_train_ids(built):
    rows = {r["image_id"].numpy().decode(): r for r in built.as_dataset(split="train")}
    assert set(rows) == set(SIZES)
    for image_id, size in SIZES.items():
        row, seed = rows[image_id], sum(image_id.encode())
        assert (int(row["height"]), int(row["width"])) == size
        assert row["city"].numpy() == b"aa"
        np.testing.assert_array_equal(row["image"], image_of(seed, size))
        np.testing.assert_array_equal(row["label"][..., 0], to_train_ids(mask_of(seed, size)))


def test_builder_resizes_images_but_not_masks(root, tmp_path):
    builder = cityscapes(root, tmp_path, size=(32, 32))
    builder.download_and_prepare()
    (row,) = builder.as_dataset(split="val")
    assert row["image"].shape == (32, 32, 3)
    assert row["label"].shape == (40, 56, 1)
    assert (int(row["height"]), int(row["width"])) == (40, 56)


def test_builder_uses_a_new_folder_for_another_size_or_a_changed_source(tmp_path):
    source, data_dir = tmp_path / "source", tmp_path / "tfds"
    write_item(source, VAL, "val")

    def folder(**options):
        return cityscapes(source, data_dir, **options).data_dir

    native = folder()
    assert folder() == native
    assert folder(size=(32, 32)) != native
    write_item(source, "bb_000000_000001", "val")
    assert folder() != native


def test_builder_skips_broken_items_only_on_request(root, tmp_path):
    write_item(tmp_path / "s", VAL, "val")
    write_item(tmp_path / "s", "bb_000000_000001", "val")
    next((tmp_path / "s/leftImg8bit").rglob("*1_leftImg8bit.png")).write_bytes(b"")
    with pytest.raises(SourceError, match="bb_000000_000001_leftImg8bit"):
        cityscapes(tmp_path / "s", tmp_path / "a").download_and_prepare()
    builder = cityscapes(tmp_path / "s", tmp_path / "b", skip_bad=True)
    builder.download_and_prepare()
    assert builder.info.splits["val"].num_examples == 1
    assert [image_id for image_id, _ in builder.builder_config.bad] == ["bb_000000_000001"]


def test_builder_rejects_a_source_without_masks(tmp_path):
    write_item(tmp_path, VAL, mask=False)
    with pytest.raises(SourceError, match="No masks found"):
        cityscapes(tmp_path, tmp_path / "tfds")


def test_threads_change_no_byte(root, tmp_path):
    def files(workers):
        builder = cityscapes(root, tmp_path / str(workers), size=(32, 32))
        builder.builder_config.workers = workers
        builder.download_and_prepare()
        return {p.name: p.read_bytes() for p in builder.data_path.glob("*.tfrecord*")}

    one = files(1)
    assert len(one) == 2
    assert files(4) == one

"""What preprocess leaves out of a data set is said where a person reads it."""

import logging

from components.contracts.recipe.data import DataSettings, SplitSettings
from components.contracts.storage.open import open_storage
from components.preprocess.__main__ import main
from components.preprocess.build import divide, store_records
from tests.support.tiny_source import write_item
from tfds_cityscapes.source import open_source

UNREAD = "x.heic was not read: HEIC is not supported"
BARE = (
    "cc_000000_000019_leftImg8bit.png was not read: it is to be scored and has no mask in gtFine."
)


def data_set(root):
    write_item(root, "aa_000000_000019", mask=False)  # of the pool: no mask is needed
    write_item(root, "aa_000000_000020")
    write_item(root, "bb_000000_000019", "val")
    write_item(root, "cc_000000_000019", "val", mask=False)
    (root / "leftImg8bit/train/aa/x.heic").write_bytes(b"x")
    return root


def test_the_command_says_what_it_left_out(tmp_path, capsys):
    data = data_set(tmp_path / "data")
    options = ["--source", str(data), "--output", str(tmp_path / "out"), "--guard", "0"]
    assert main(options) == 0
    done = capsys.readouterr()
    assert "1 train, 1 dev, 1 val" in done.out
    assert UNREAD in done.err
    assert BARE in done.err
    assert done.err.count("was not read") == 2


def test_a_step_warns_once_of_what_it_left_out(tmp_path, caplog):
    source = open_source(data_set(tmp_path / "data"))
    division = divide(source, DataSettings(), SplitSettings(guard=0), seed=0)
    storage = open_storage(str(tmp_path / "root"))
    for times in (1, 0):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "streetloop"):
            store_records(division, storage)
        assert caplog.text.count(UNREAD) == caplog.text.count(BARE) == times


def test_a_dev_without_masks_is_warned_of(tmp_path, caplog):
    for frame in range(10):
        write_item(tmp_path, f"aa_000000_{frame:06d}", mask=frame < 5)
    write_item(tmp_path, "bb_000000_000019", "val")
    with caplog.at_level(logging.WARNING, "streetloop"):
        division = divide(open_source(tmp_path), DataSettings(), SplitSettings(guard=0), seed=0)
    assert division.splits["dev"] == []
    assert "dev is empty: none of its 1 frames has a mask" in caplog.text
